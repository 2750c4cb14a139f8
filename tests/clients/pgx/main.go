// pgx, in each of its ways to run a query: batches, COPY, cancels by context, its pool.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const rows = 20000

var ctx = context.Background()

type activity struct {
	name string
	run  func(*pgx.Conn) (any, error)
}

func config() *pgx.ConnConfig {
	config, err := pgx.ParseConfig("sslmode=disable")
	must(err)
	port, err := strconv.Atoi(os.Getenv("CLIENT_PORT"))
	must(err)
	config.Host, config.Port = os.Getenv("CLIENT_HOST"), uint16(port)
	config.User, config.Password, config.Database = os.Getenv("CLIENT_USER"), os.Getenv("CLIENT_PASSWORD"), os.Getenv("CLIENT_DATABASE")
	if os.Getenv("CLIENT_SSLMODE") != "disable" {
		authority, err := os.ReadFile(os.Getenv("CLIENT_SSLROOTCERT"))
		must(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(authority)
		config.TLSConfig = &tls.Config{RootCAs: pool, ServerName: config.Host}
	}
	return config
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func connect() *pgx.Conn {
	conn, err := pgx.ConnectConfig(ctx, config())
	must(err)
	return conn
}

// What an application sees of an error.
func outcome(err error) any {
	if err == nil {
		return "no error"
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return []any{server.Severity, server.Code, server.Message, server.Position, server.ConstraintName}
	}
	return err.Error()
}

func number(conn *pgx.Conn, sql string, arguments ...any) any {
	var n int64
	if err := conn.QueryRow(ctx, sql, arguments...).Scan(&n); err != nil {
		return outcome(err)
	}
	return n
}

func collect(conn *pgx.Conn, sql string, arguments ...any) any {
	found, err := conn.Query(ctx, sql, arguments...)
	if err != nil {
		return outcome(err)
	}
	values, err := pgx.CollectRows(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		return outcome(err)
	}
	return values
}

var modes = []pgx.QueryExecMode{
	pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
}

var activities = []activity{
	{"query", func(conn *pgx.Conn) (any, error) {
		if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS item; CREATE TABLE item (id int PRIMARY KEY, name text)"); err != nil {
			return nil, err
		}
		for n := range 200 {
			if _, err := conn.Exec(ctx, "INSERT INTO item VALUES ($1, $2)", n, fmt.Sprintf("näme '%d' \\ %%", n)); err != nil {
				return nil, err
			}
		}
		found := []any{}
		for _, mode := range modes {
			found = append(found, collect(conn, "SELECT * FROM item WHERE id < $1 ORDER BY id", mode, 3), collect(conn, "SELECT 1/0", mode), number(conn, "SELECT 7", mode))
		}
		return append(found, number(conn, "SELECT sum(length(x)) FROM (SELECT repeat('x', 1000000) AS x FROM generate_series(1, 3)) s")), nil
	}},
	{"types", func(conn *pgx.Conn) (any, error) {
		return collect(conn, "SELECT 1::int8, 1.50::numeric, '2024-02-29'::date, $1::bytea, $2::text[], NULL, true, '{\"a\": [1]}'::jsonb, interval '1 day', '10.0.0.1'::inet, '[1,5)'::int4range",
			[]byte{0, 255}, []string{"x", "y'"}), nil
	}},
	{"prepared", func(conn *pgx.Conn) (any, error) {
		description, err := conn.Prepare(ctx, "by id", "SELECT id FROM item WHERE id < $1 ORDER BY id")
		if err != nil {
			return nil, err
		}
		found := []any{description.ParamOIDs, collect(conn, "by id", 3), collect(conn, "by id", 1)}
		_, err = conn.Prepare(ctx, "wrong", "SELEC 1")
		found = append(found, outcome(err), outcome(conn.Deallocate(ctx, "by id")), outcome(conn.DeallocateAll(ctx)))
		for n := range 600 {
			// More than the cache of statements holds.
			found = append(found, number(conn, fmt.Sprintf("SELECT %d + $1::int8", n), n))
		}
		return found, nil
	}},
	{"transaction", func(conn *pgx.Conn) (any, error) {
		found := []any{}
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM item WHERE id = 1")
			found = append(found, outcome(err))
			err = pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
				_, err := inner.Exec(ctx, "SELECT 1/0")
				return err
			})
			found = append(found, outcome(err))
			_, err = tx.Exec(ctx, "SELECT 1")
			found = append(found, outcome(err))
			return errors.New("no")
		})
		return append(found, outcome(err), number(conn, "SELECT count(*) FROM item")), nil
	}},
	{"batch", func(conn *pgx.Conn) (any, error) {
		found := []any{}
		for _, mode := range modes {
			config := config()
			config.DefaultQueryExecMode = mode
			other, err := pgx.ConnectConfig(ctx, config)
			if err != nil {
				return nil, err
			}
			batch := &pgx.Batch{}
			for n := range 1000 {
				batch.Queue("SELECT $1::int8, repeat('x', 500)", n).QueryRow(func(row pgx.Row) error {
					var id int64
					var text string
					return row.Scan(&id, &text)
				})
			}
			found = append(found, outcome(other.SendBatch(ctx, batch).Close()))
			batch = &pgx.Batch{}
			batch.Queue("INSERT INTO item VALUES (7001, 'rolled back')")
			batch.Queue("SELECT 1/$1::int", 0)
			batch.Queue("SELECT 1")
			results := other.SendBatch(ctx, batch)
			for range 3 {
				_, err := results.Exec()
				found = append(found, outcome(err))
			}
			found = append(found, outcome(results.Close()), number(other, "SELECT count(*) FROM item WHERE id > 7000"))
			other.Close(ctx)
		}
		pipeline := conn.PgConn().StartPipeline(ctx)
		pipeline.SendQueryParams("SELECT 1", nil, nil, nil, nil)
		pipeline.SendFlushRequest()
		found = append(found, outcome(pipeline.Flush()))
		for n := range 300 {
			if n == 100 {
				pipeline.SendQueryParams("SELECT 1/0", nil, nil, nil, nil)
			}
			pipeline.SendPrepare(fmt.Sprintf("p%d", n), "SELECT $1::int8", nil)
			pipeline.SendQueryPrepared(fmt.Sprintf("p%d", n), [][]byte{[]byte("5")}, nil, nil)
			found = append(found, outcome(pipeline.Sync()))
		}
		kinds := map[string]int{}
		for {
			results, err := pipeline.GetResults()
			if err != nil {
				kinds[fmt.Sprint(outcome(err))]++
			} else if results == nil {
				break
			} else {
				if reader, ok := results.(*pgconn.ResultReader); ok {
					reader.Read()
				}
				kinds[fmt.Sprintf("%T", results)]++
			}
		}
		return append(found, kinds, outcome(pipeline.Close())), nil
	}},
	{"copy in", func(conn *pgx.Conn) (any, error) {
		if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS copied; CREATE TABLE copied (id int, name text)"); err != nil {
			return nil, err
		}
		count, err := conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "name"}, pgx.CopyFromSlice(rows, func(n int) ([]any, error) { return []any{n, fmt.Sprint("name ", n)}, nil }))
		found := []any{count, outcome(err)}
		_, err = conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "name"}, pgx.CopyFromSlice(1000, func(n int) ([]any, error) {
			if n == 500 {
				return nil, errors.New("the source broke")
			}
			return []any{n, "x"}, nil
		}))
		found = append(found, outcome(err))
		tag, err := conn.PgConn().CopyFrom(ctx, strings.NewReader(strings.Repeat("1\ta\n", 50000)+"x\tb\n"), "COPY copied FROM STDIN")
		found = append(found, tag.String(), outcome(err))
		return append(found, number(conn, "SELECT sum(id) FROM copied")), nil
	}},
	{"copy out", func(conn *pgx.Conn) (any, error) {
		var data bytes.Buffer
		tag, err := conn.PgConn().CopyTo(ctx, &data, "COPY (SELECT * FROM copied ORDER BY id) TO STDOUT")
		found := []any{tag.String(), outcome(err), fmt.Sprintf("%x", sha256.Sum256(data.Bytes()))}
		_, err = conn.PgConn().CopyTo(ctx, io.Discard, "COPY (SELECT 1 / (500 - g) FROM generate_series(1, 1000) g) TO STDOUT")
		return append(found, outcome(err), number(conn, "SELECT 1")), nil
	}},
	{"cancel", func(conn *pgx.Conn) (any, error) {
		found := []any{}
		for range 3 {
			began := time.Now()
			other := connect()
			go func() {
				time.Sleep(200 * time.Millisecond)
				other.PgConn().CancelRequest(ctx)
			}()
			_, err := other.Exec(ctx, "SELECT pg_sleep(20)")
			found = append(found, outcome(err), number(other, "SELECT 1"))
			other.Close(ctx)
			// The server may signal a cancel twice: the second would hit what comes next on the same connection.
			other = connect()
			short, end := context.WithTimeout(ctx, 200*time.Millisecond)
			_, err = other.Exec(short, "SELECT pg_sleep(20)")
			end()
			// The connection is given up; a CancelRequest follows by itself.
			found = append(found, errors.Is(err, context.DeadlineExceeded), other.IsClosed(), time.Since(began) < 10*time.Second)
			if other.IsClosed() {
				<-other.PgConn().CleanupDone()
			}
		}
		return found, nil
	}},
	{"notify", func(conn *pgx.Conn) (any, error) {
		if _, err := conn.Exec(ctx, "LISTEN here"); err != nil {
			return nil, err
		}
		other := connect()
		defer other.Close(ctx)
		found := []any{}
		for n := range 5 {
			if _, err := other.Exec(ctx, "SELECT pg_notify('here', $1)", fmt.Sprint("idle ", n)); err != nil {
				return nil, err
			}
		}
		for range 5 {
			limited, end := context.WithTimeout(ctx, 10*time.Second)
			note, err := conn.WaitForNotification(limited)
			end()
			if err != nil {
				return nil, err
			}
			found = append(found, note.Channel, note.Payload, note.PID == other.PgConn().PID())
		}
		_, err := conn.Exec(ctx, "UNLISTEN *")
		return append(found, outcome(err)), nil
	}},
	{"error", func(conn *pgx.Conn) (any, error) {
		found := []any{}
		for _, sql := range []string{"SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO item VALUES (2, 'again')", "SELECT 'a'::int"} {
			_, err := conn.Exec(ctx, sql)
			found = append(found, outcome(err), number(conn, "SELECT 1"))
		}
		_, err := conn.Exec(ctx, "SELECT $1::int4", 1<<40)
		found = append(found, err != nil)
		for _, change := range []func(*pgx.ConnConfig){
			func(config *pgx.ConnConfig) { config.Password = "wrong" },
			func(config *pgx.ConnConfig) { config.Database = "nowhere" },
		} {
			config := config()
			change(config)
			_, err := pgx.ConnectConfig(ctx, config)
			found = append(found, outcome(err))
		}
		return found, nil
	}},
	{"large object", func(conn *pgx.Conn) (any, error) {
		found := []any{}
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			large := tx.LargeObjects()
			oid, err := large.Create(ctx, 0)
			if err != nil {
				return err
			}
			object, err := large.Open(ctx, oid, pgx.LargeObjectModeRead|pgx.LargeObjectModeWrite)
			if err != nil {
				return err
			}
			if _, err = object.Write(bytes.Repeat([]byte("0123456789"), 50000)); err != nil {
				return err
			}
			if _, err = object.Seek(0, io.SeekStart); err != nil {
				return err
			}
			data, err := io.ReadAll(object)
			found = append(found, len(data), outcome(err))
			return large.Unlink(ctx, oid)
		})
		return append(found, outcome(err)), nil
	}},
	{"protocol 3.2", func(conn *pgx.Conn) (any, error) {
		config := config()
		config.MaxProtocolVersion = "latest"
		newest, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return nil, err
		}
		defer newest.Close(ctx)
		go func() {
			time.Sleep(200 * time.Millisecond)
			newest.PgConn().CancelRequest(ctx)
		}()
		_, err = newest.Exec(ctx, "SELECT pg_sleep(20)")
		return []any{len(newest.PgConn().SecretKey()), outcome(err), number(newest, "SELECT 1")}, nil
	}},
	{"reconnect", func(conn *pgx.Conn) (any, error) {
		kill := func(pid uint32) {
			killer := connect()
			number(killer, "SELECT pg_terminate_backend($1)::int", int32(pid))
			killer.Close(ctx)
			time.Sleep(300 * time.Millisecond)
		}
		kill(conn.PgConn().PID())
		_, err := conn.Exec(ctx, "SELECT 1")
		found := []any{outcome(err) != "no error", conn.IsClosed()}
		poolConfig, err := pgxpool.ParseConfig("pool_max_conns=3")
		if err != nil {
			return nil, err
		}
		poolConfig.ConnConfig = config()
		pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		var pid int32
		if err := pool.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return nil, err
		}
		kill(uint32(pid))
		for range 10 {
			var n int
			// The first may meet the connection that is dead.
			pool.QueryRow(ctx, "SELECT 1").Scan(&n)
		}
		var n int
		err = pool.QueryRow(ctx, "SELECT 2").Scan(&n)
		return append(found, n, outcome(err)), nil
	}},
}

func say(line map[string]any) {
	text, err := json.Marshal(line)
	must(err)
	fmt.Println(string(text))
}

func main() {
	version := "pgx"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == "github.com/jackc/pgx/v5" {
				version = "pgx " + dependency.Version + ", " + info.GoVersion
			}
		}
	}
	say(map[string]any{"versions": version})
	conn := connect()
	for _, activity := range activities {
		say(map[string]any{"begins": activity.name})
		result, err := activity.run(conn)
		if err != nil {
			say(map[string]any{"activity": activity.name, "failed": outcome(err)})
		} else {
			say(map[string]any{"activity": activity.name, "result": result})
		}
	}
}
