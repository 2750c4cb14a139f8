import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;
import org.postgresql.replication.PGReplicationStream;

/** pgjdbc, with the preferQueryMode that its argument names. */
public class Client {
  static final int ROWS = 20000;
  static String mode;

  interface Activity {
    Object run(Connection connection) throws Exception;
  }

  interface Failing {
    void run() throws Exception;
  }

  static Connection connect(String... more) throws SQLException {
    Properties properties = new Properties();
    properties.put("user", System.getenv("CLIENT_USER"));
    properties.put("password", System.getenv("CLIENT_PASSWORD"));
    properties.put("preferQueryMode", mode);
    if (System.getenv("CLIENT_SSLMODE").equals("disable")) {
      properties.put("sslmode", "disable");
    } else {
      properties.put("sslmode", "verify-full");
      properties.put("sslrootcert", System.getenv("CLIENT_SSLROOTCERT"));
    }
    String database = System.getenv("CLIENT_DATABASE");
    for (int i = 0; i < more.length; i += 2) {
      if (more[i].equals("database")) {
        database = more[i + 1];
      } else {
        properties.put(more[i], more[i + 1]);
      }
    }
    return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("CLIENT_HOST") + ":" + System.getenv("CLIENT_PORT") + "/" + database, properties);
  }

  static Object raises(Failing failing) {
    try {
      failing.run();
      return "no error";
    } catch (BatchUpdateException caught) {
      List<Object> all = new ArrayList<>(List.of("batch", String.valueOf(caught.getSQLState()), String.valueOf(caught.getMessage())));
      for (int count : caught.getUpdateCounts()) {
        all.add(count);
      }
      return all;
    } catch (SQLException caught) {
      return List.of(caught.getClass().getSimpleName(), String.valueOf(caught.getSQLState()), caught.getMessage());
    } catch (Exception caught) {
      return List.of(caught.getClass().getSimpleName(), String.valueOf(caught.getMessage()));
    }
  }

  static List<Object> rows(ResultSet results) throws SQLException {
    List<Object> rows = new ArrayList<>();
    while (results.next()) {
      List<Object> row = new ArrayList<>();
      for (int column = 1; column <= results.getMetaData().getColumnCount(); column++) {
        row.add(String.valueOf(results.getString(column)));
      }
      rows.add(row);
    }
    results.close();
    return rows;
  }

  static List<Object> query(Connection connection, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      return rows(statement.executeQuery());
    }
  }

  static void run(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  static int pid(Connection connection) throws SQLException {
    return connection.unwrap(PGConnection.class).getBackendPID();
  }

  static final Map<String, Activity> activities = new LinkedHashMap<>();

  static {
    activities.put("query", connection -> {
      List<Object> found = new ArrayList<>();
      run(connection, "DROP TABLE IF EXISTS item; CREATE TABLE item (id int PRIMARY KEY, name text)");
      try (PreparedStatement statement = connection.prepareStatement("INSERT INTO item VALUES (?, ?)")) {
        for (int n = 0; n < 200; n++) {
          statement.setInt(1, n);
          statement.setString(2, "näme '" + n + "' \\ %");
          found.add(statement.executeUpdate());
        }
      }
      found.add(query(connection, "SELECT * FROM item WHERE id = ANY(?) ORDER BY id", connection.createArrayOf("int4", new Object[] {1, 2, 400})));
      try (Statement statement = connection.createStatement()) {
        boolean more = statement.execute("SELECT 1; UPDATE item SET name = 'x' WHERE id < 5; SELECT 2; SELECT 3 WHERE false");
        while (more || statement.getUpdateCount() >= 0) {
          found.add(more ? rows(statement.getResultSet()) : statement.getUpdateCount());
          more = statement.getMoreResults();
        }
        try (ResultSet big = statement.executeQuery("SELECT repeat('x', 1000000) FROM generate_series(1, 3)")) {
          while (big.next()) {
            found.add(big.getString(1).length());
          }
        }
      }
      try (ResultSet tables = connection.getMetaData().getColumns(null, null, "item", null)) {
        while (tables.next()) {
          found.add(tables.getString("COLUMN_NAME") + " " + tables.getString("TYPE_NAME"));
        }
      }
      return found;
    });
    activities.put("types", connection -> {
      List<Object> found = new ArrayList<>();
      for (int n = 0; n < 7; n++) {
        // From the sixth on results are binary.
        found.add(query(connection, "SELECT 1::int8, 1.50::numeric, 'NaN'::float8, '2024-02-29'::date, '2024-02-29 12:00+02'::timestamptz, NULL, true, '{\"a\": 1}'::jsonb, "
            + "ARRAY['x', NULL], interval '1 day', '00000000-0000-0000-0000-00000000002a'::uuid, ?::int4, ?::text, encode(?, 'hex')", n, "🐘 \\ '", new byte[] {0, -1}));
      }
      return found;
    });
    activities.put("prepared", connection -> {
      List<Object> found = new ArrayList<>();
      try (PreparedStatement statement = connection.prepareStatement("SELECT id FROM item WHERE id < ? ORDER BY id")) {
        for (int n = 0; n < 12; n++) {
          statement.setInt(1, n % 3);
          found.add(rows(statement.executeQuery()));
        }
        found.add(statement.getParameterMetaData().getParameterTypeName(1));
        found.add(statement.getMetaData().getColumnName(1));
      }
      for (int n = 0; n < 300; n++) {
        // More than the cache of statements holds.
        for (int repeat = 0; repeat < 6; repeat++) {
          found.add(query(connection, "SELECT " + n + " + ?", repeat).size());
        }
      }
      found.add(query(connection, "SELECT count(*) > 0 FROM pg_prepared_statements"));
      run(connection, "DROP TABLE IF EXISTS changing; CREATE TABLE changing (a int)");
      for (int n = 0; n < 7; n++) {
        query(connection, "SELECT * FROM changing");
      }
      run(connection, "ALTER TABLE changing ADD b text");
      found.add(raises(() -> query(connection, "SELECT * FROM changing")));
      found.add(raises(() -> query(connection, "SELECT * FROM changing")));
      run(connection, "DEALLOCATE ALL");
      found.add(query(connection, "SELECT id FROM item WHERE id < ? ORDER BY id", 2));
      return found;
    });
    activities.put("transaction", connection -> {
      List<Object> found = new ArrayList<>();
      connection.setAutoCommit(false);
      found.add(query(connection, "DELETE FROM item WHERE id = 1 RETURNING id"));
      Savepoint savepoint = connection.setSavepoint("a");
      found.add(raises(() -> query(connection, "SELECT 1/0")));
      found.add(raises(() -> query(connection, "SELECT 1")));
      connection.rollback(savepoint);
      found.add(query(connection, "SELECT count(*) FROM item"));
      connection.rollback();
      found.add(query(connection, "SELECT count(*) FROM item"));
      connection.commit();
      connection.setAutoCommit(true);
      try (Connection saving = connect("autosave", "always")) {
        saving.setAutoCommit(false);
        run(saving, "INSERT INTO item VALUES (900, 'kept')");
        for (int n = 0; n < 5; n++) {
          found.add(raises(() -> query(saving, "SELECT 1/?::int", 0)));
          found.add(query(saving, "SELECT name FROM item WHERE id = 900"));
        }
        saving.commit();
      }
      connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      connection.setReadOnly(true);
      connection.setAutoCommit(false);
      found.add(raises(() -> run(connection, "DELETE FROM item")));
      connection.rollback();
      connection.setReadOnly(false);
      connection.setAutoCommit(true);
      connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
      return found;
    });
    activities.put("batch", connection -> {
      List<Object> found = new ArrayList<>();
      for (String rewrite : new String[] {"false", "true"}) {
        try (Connection batching = connect("reWriteBatchedInserts", rewrite)) {
          batching.setAutoCommit(false);
          try (PreparedStatement statement = batching.prepareStatement("INSERT INTO item VALUES (?, ?)")) {
            for (int n = 0; n < 3000; n++) {
              statement.setInt(1, 10000 + n);
              statement.setString(2, "x".repeat(200));
              statement.addBatch();
            }
            found.add(statement.executeBatch().length);
            for (int n = 0; n < 2000; n++) {
              statement.setInt(1, n == 1500 ? 2 : 20000 + n);
              statement.setString(2, "y");
              statement.addBatch();
            }
            found.add(raises(statement::executeBatch));
          }
          batching.rollback();
          try (PreparedStatement statement = batching.prepareStatement("INSERT INTO item VALUES (?, ?) RETURNING id", Statement.RETURN_GENERATED_KEYS)) {
            for (int n = 0; n < 500; n++) {
              statement.setInt(1, 30000 + n);
              statement.setString(2, "z");
              statement.addBatch();
            }
            statement.executeBatch();
            found.add(rows(statement.getGeneratedKeys()).size());
          }
          batching.rollback();
        }
      }
      try (Statement statement = connection.createStatement()) {
        statement.addBatch("UPDATE item SET name = 'b' WHERE id = 3");
        statement.addBatch("SELEC");
        statement.addBatch("UPDATE item SET name = 'c' WHERE id = 3");
        found.add(raises(statement::executeBatch));
      }
      found.add(query(connection, "SELECT name FROM item WHERE id = 3"));
      return found;
    });
    activities.put("cursor", connection -> {
      connection.setAutoCommit(false);
      long total = 0;
      try (PreparedStatement statement = connection.prepareStatement("SELECT g FROM generate_series(1, 2000) g")) {
        statement.setFetchSize(77);
        try (ResultSet results = statement.executeQuery()) {
          while (results.next()) {
            total += results.getInt(1);
          }
        }
        ResultSet left = statement.executeQuery();
        left.next();
        left.close();
      }
      connection.commit();
      connection.setAutoCommit(true);
      return List.of(total, query(connection, "SELECT 1"));
    });
    activities.put("copy in", connection -> {
      run(connection, "DROP TABLE IF EXISTS copied; CREATE TABLE copied (id int, name text)");
      CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
      StringBuilder lines = new StringBuilder();
      for (int n = 0; n < ROWS; n++) {
        lines.append(n).append("\tname ").append(n).append('\n');
      }
      List<Object> found = new ArrayList<>();
      found.add(copy.copyIn("COPY copied FROM STDIN", new StringReader(lines.toString())));
      found.add(raises(() -> copy.copyIn("COPY copied FROM STDIN", new StringReader(lines + "x\ty\n" + lines))));
      var begun = copy.copyIn("COPY copied FROM STDIN");
      begun.writeToCopy("1\ta\n".getBytes(StandardCharsets.UTF_8), 0, 4);
      begun.cancelCopy();
      found.add(query(connection, "SELECT count(*), sum(id) FROM copied"));
      return found;
    });
    activities.put("copy out", connection -> {
      CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
      ByteArrayOutputStream data = new ByteArrayOutputStream();
      List<Object> found = new ArrayList<>();
      found.add(copy.copyOut("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT", data));
      found.add(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data.toByteArray())));
      found.add(raises(() -> copy.copyOut("COPY (SELECT 1 / (500 - g) FROM generate_series(1, 1000) g) TO STDOUT", new ByteArrayOutputStream())));
      // Read to its end: given up in the middle, the driver cancels, and loses its place even without pgproctor.
      var begun = copy.copyOut("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 10000)) TO STDOUT");
      long size = 0;
      for (byte[] row = begun.readFromCopy(); row != null; row = begun.readFromCopy()) {
        size += row.length;
      }
      found.add(size);
      found.add(query(connection, "SELECT 1"));
      return found;
    });
    activities.put("cancel", connection -> {
      List<Object> found = new ArrayList<>();
      for (int n = 0; n < 3; n++) {
        long began = System.nanoTime();
        try (Statement statement = connection.createStatement()) {
          Thread canceller = new Thread(() -> {
            try {
              Thread.sleep(200);
              statement.cancel();
            } catch (Exception caught) {
              found.add(caught.toString());
            }
          });
          canceller.start();
          found.add(raises(() -> statement.execute("SELECT pg_sleep(20)")));
          canceller.join();
        }
        try (Statement statement = connection.createStatement()) {
          statement.setQueryTimeout(1);
          found.add(raises(() -> statement.execute("SELECT pg_sleep(20)")));
        }
        found.add(query(connection, "SELECT 1"));
        found.add(System.nanoTime() - began < TimeUnit.SECONDS.toNanos(15));
      }
      return found;
    });
    activities.put("notify", connection -> {
      List<Object> found = new ArrayList<>();
      run(connection, "LISTEN here");
      try (Connection other = connect()) {
        for (int n = 0; n < 5; n++) {
          query(other, "SELECT pg_notify('here', ?)", "idle " + n);
        }
        for (int tries = 0; tries < 20 && found.size() < 5; tries++) {
          PGNotification[] notes = connection.unwrap(PGConnection.class).getNotifications(1000);
          for (PGNotification note : notes == null ? new PGNotification[0] : notes) {
            found.add(note.getName() + " " + note.getParameter() + " " + (note.getPID() == pid(other)));
          }
        }
      }
      run(connection, "UNLISTEN *");
      try (Statement statement = connection.createStatement()) {
        statement.execute("DO $$ BEGIN RAISE NOTICE 'noted'; RAISE WARNING 'warned'; END $$");
        for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
          found.add(warning.getSQLState() + " " + warning.getMessage());
        }
      }
      return found;
    });
    activities.put("error", connection -> {
      List<Object> found = new ArrayList<>();
      for (String sql : new String[] {"SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO item VALUES (2, 'again')", "SELECT 'a'::int", "SELECT 1; SELECT 1/0"}) {
        for (int n = 0; n < 2; n++) {
          found.add(raises(() -> run(connection, sql)));
          found.add(query(connection, "SELECT ?::int", n));
        }
      }
      found.add(raises(() -> connect("password", "wrong")));
      found.add(raises(() -> connect("database", "nowhere")));
      return found;
    });
    activities.put("large object", connection -> {
      connection.setAutoCommit(false);
      LargeObjectManager manager = connection.unwrap(PGConnection.class).getLargeObjectAPI();
      long oid = manager.createLO();
      LargeObject large = manager.open(oid);
      large.write("0123456789".repeat(50000).getBytes(StandardCharsets.UTF_8));
      large.seek(0);
      int size = large.read(1000000).length;
      large.close();
      manager.delete(oid);
      connection.commit();
      connection.setAutoCommit(true);
      return size;
    });
    activities.put("replication", connection -> {
      String slot = "slot_" + System.getenv("CLIENT_DATABASE");
      query(connection, "SELECT pg_create_logical_replication_slot(?, 'test_decoding')", slot);
      run(connection, "INSERT INTO item VALUES (9001, 'decoded')");
      List<Object> found = new ArrayList<>();
      try (Connection logical = connect("replication", "database", "assumeMinServerVersion", "9.4", "preferQueryMode", "simple")) {
        PGReplicationStream stream = logical.unwrap(PGConnection.class).getReplicationAPI().replicationStream().logical()
            .withSlotName(slot).withSlotOption("include-xids", false).start();
        for (int tries = 0; tries < 500 && found.size() < 3; tries++) {
          var message = stream.readPending();
          if (message == null) {
            Thread.sleep(20);
            continue;
          }
          found.add(new String(message.array(), message.arrayOffset(), message.remaining(), StandardCharsets.UTF_8));
          stream.setFlushedLSN(stream.getLastReceiveLSN());
        }
        stream.close();
      }
      for (int tries = 0; tries < 50; tries++) {
        // The walsender may take a moment to leave.
        if (raises(() -> query(connection, "SELECT pg_drop_replication_slot(?)", slot)).equals("no error")) {
          break;
        }
        Thread.sleep(100);
      }
      return found;
    });
    activities.put("protocol 3.2", connection -> {
      List<Object> found = new ArrayList<>();
      try (Connection newest = connect("protocolVersion", "3.2"); Statement statement = newest.createStatement()) {
        Thread canceller = new Thread(() -> {
          try {
            Thread.sleep(300);
            statement.cancel();
          } catch (Exception caught) {
            found.add(caught.toString());
          }
        });
        canceller.start();
        found.add(raises(() -> statement.execute("SELECT pg_sleep(20)")));
        canceller.join();
        found.add(query(newest, "SELECT 1"));
      }
      return found;
    });
    activities.put("reconnect", connection -> {
      List<Object> found = new ArrayList<>();
      for (int n = 0; n < 3; n++) {
        Connection victim = n == 0 ? connection : connect();
        int pid = pid(victim);
        try (Connection killer = connect()) {
          query(killer, "SELECT pg_terminate_backend(?)", pid);
        }
        Thread.sleep(300);
        found.add(raises(() -> query(victim, "SELECT 1")));
        found.add(victim.isClosed());
        found.add(victim.isValid(1));
      }
      try (Connection again = connect()) {
        found.add(query(again, "SELECT 2"));
      }
      return found;
    });
  }

  static String json(Object value) {
    if (value instanceof List<?> list) {
      StringBuilder text = new StringBuilder("[");
      for (Object part : list) {
        text.append(text.length() > 1 ? ", " : "").append(json(part));
      }
      return text.append(']').toString();
    }
    if (value instanceof Number || value instanceof Boolean) {
      return value.toString();
    }
    StringBuilder text = new StringBuilder("\"");
    for (char letter : String.valueOf(value).toCharArray()) {
      if (letter == '"' || letter == '\\' || letter < 32 || letter > 126) {
        text.append(String.format("\\u%04x", (int) letter));
      } else {
        text.append(letter);
      }
    }
    return text.append('"').toString();
  }

  static void say(String name, Object value, Object... more) {
    System.out.println("{" + json(name) + ": " + json(value) + (more.length > 0 ? ", " + json(more[0]) + ": " + json(more[1]) : "") + "}");
  }

  public static void main(String[] arguments) throws Exception {
    mode = arguments[0];
    say("versions", "pgjdbc " + org.postgresql.util.DriverInfo.DRIVER_VERSION + ", Java " + System.getProperty("java.version"));
    Connection connection = connect();
    for (Map.Entry<String, Activity> activity : activities.entrySet()) {
      say("begins", activity.getKey());
      try {
        say("activity", activity.getKey(), "result", activity.getValue().run(connection));
      } catch (Exception caught) {
        say("activity", activity.getKey(), "failed", raises(() -> {
          throw caught;
        }));
      }
    }
    System.exit(0);
  }
}
