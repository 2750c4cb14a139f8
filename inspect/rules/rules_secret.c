#include "inspect/rules/rules_secret.h"

#include "inspect/rules/remedy.h"
#include "inspect/text/secret.h"

#include <string.h>

/* A column that is given what it should not have. */
struct leak {
	const char *column;
	const struct catalog_relation *relation; /* NULL when the catalog does not have it */
	const char *table;                       /* as the statement names it */
};

static void plaintext_password(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void plaintext_token(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void card_number(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void weak_hash(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void role_password(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void key_literal(const struct rule *rule, const struct context *input, struct verdict *verdict);
static bool wants_secrets(const struct facts *facts, struct shape_wants *wants);
static bool next_leak(const struct context *input, enum secret_kind kind, uint32_t values, uint16_t *at,
                      struct leak *leak);
static uint32_t values_of(const struct context *input, const struct fact_assignment *assignment);
static bool is_text(const char *type);
static bool is_by_design(const char *table);
static void report(const struct rule *rule, const struct context *input, struct verdict *verdict,
                   const struct leak *leak, struct finding finding);

static const struct rule rows[] = {
    {
        .slug = "plaintext-password",
        .code = "S401",
        .title = "a password that is stored as it is",
        .severity = SEVERITY_BLOCK,
        .any_size = true,
        .scope = RULE_WRITES,
        .check = plaintext_password,
        .wants = wants_secrets,
        .why = "Whoever reads the table, a backup of it, a replica or the server's log has the "
               "passwords of all users, here and wherever else they use the same.",
        .example = "INSERT INTO shop_account (login, password) VALUES ('ann', 'hunter2');",
        .safe = "INSERT INTO shop_account (login, password) VALUES ('ann', 'pbkdf2_sha256$…');\n"
                "\n"
                "# Django:\n"
                "user.set_password(raw); user.save()\n"
                "Account.objects.create(login=login, password=make_password(raw))",
        .decides = "By the column's name and the value's shape together. The name is split into words: "
                   "password, passwd, pwd, passphrase or pass at its end; not password_changed_at, "
                   "password_hash, reset_password or is_password. The value is a text, in the statement or "
                   "bound, that is no hash of a known method (Django's hashers, crypt, argon2, bcrypt, "
                   "scrypt, SCRAM, LDAP's), no unusable password, no mask, flag or path, not empty, not encrypted, and "
                   "not as long and random as a hash of an unknown method. Where the catalog knows the "
                   "column, it must be of a text type; the columns that CREATE TABLE AS and SELECT INTO make are "
                   "called as their query does. The value itself is never kept.",
    },
    {
        .slug = "plaintext-token",
        .code = "S402",
        .title = "an access key or token that is stored as it is",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_WRITES,
        .check = plaintext_token,
        .wants = wants_secrets,
        .why = "A token that is in the table as its owner sends it works for whoever reads the table, a "
               "backup of it or the server's log.",
        .example = "INSERT INTO shop_partner (name, api_key) VALUES ('acme', 'sk_live_…');",
        .safe = "INSERT INTO shop_partner (name, api_key_digest) VALUES ('acme', encode(sha256('…'), "
                "'hex'));\n"
                "\n"
                "# Django: keep hashlib.sha256(token.encode()).hexdigest() and look it up by that;\n"
                "# what has to be sent on to others belongs in a vault or an encrypted field",
        .decides = "By the column's name (token, secret, api_key, private_key, access_key, client_secret … "
                   "at its end) and the value's shape together: a known issuer's form, a JSON Web Token, a "
                   "private key, 32 or 40 hexadecimal digits, or 20 and more characters with letters and "
                   "digits as a generator makes them. Silent for SHA-2 digests, hashes, cipher text and "
                   "UUIDs, for csrf, session, reset, device, page and public ones, and for Django's own and "
                   "the REST framework's authtoken tables.",
    },
    {
        .slug = "card-number",
        .code = "S403",
        .title = "a payment card's number that is stored as it is",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_WRITES,
        .check = card_number,
        .wants = wants_secrets,
        .why = "PCI DSS forbids to keep a card's number readable (requirement 3), and one leak of the "
               "table is a leak of all cards.",
        .example = "INSERT INTO shop_payment (order_id, card_number) VALUES (1, '4111 1111 1111 1111');",
        .safe = "INSERT INTO shop_payment (order_id, card_token, card_last4) VALUES (1, 'tok_…', "
                "'1111');\n"
                "\n"
                "# Django: keep what the payment provider gives out in place of the number, and its last "
                "four digits",
        .decides = "The column's name says that it is a card's number (card_number, credit_card, cc_num, "
                   "pan), and the value has 13 to 19 digits that pass Luhn's check. By the digits alone "
                   "nothing is said: a tenth of all numbers passes.",
    },
    {
        .slug = "weak-password-hash",
        .code = "S404",
        .title = "a password hashed by a method that is broken or too fast",
        .severity = SEVERITY_WARN,
        .any_size = true,
        .scope = RULE_WRITES,
        .check = weak_hash,
        .wants = wants_secrets,
        .why = "MD5, SHA-1 and the old crypt are tried by the billion each second on one graphics card; "
               "few iterations of PBKDF2 are little better.",
        .example = "UPDATE auth_user SET password = 'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99' WHERE id = "
                   "1;",
        .safe = "-- nothing to do in SQL: hashes are renewed when their users log in\n"
                "\n"
                "# Django: the default PASSWORD_HASHERS, with the old hasher last in the list: "
                "check_password renews;\n"
                "# PASSWORD_HASHERS of the tests' settings must not be those of production",
        .decides = "In a password's column: Django's md5, sha1 and unsalted hashers, $1$ and $apr1$, LDAP's "
                   "MD5 and SHA, 32 or 40 bare hexadecimal digits, PostgreSQL's md5, and pbkdf2_sha256 with "
                   "fewer than 260,000 iterations, which is the default of Django 3.2; and md5(), sha256() and "
                   "their like, or pgcrypto's digest(), of a constant or a parameter.",
    },
    {
        .slug = "role-password-literal",
        .code = "S405",
        .title = "a role's or a connection's password in the statement",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_ANY,
        .check = role_password,
        .why = "The statement goes to the server's log, to pg_stat_activity and through every proxy as "
               "it stands, and the password with it.",
        .example = "ALTER ROLE shop PASSWORD 'hunter2';",
        .safe = "-- psql's \\password sends a verifier, made on the client:\n"
                "ALTER ROLE shop PASSWORD 'SCRAM-SHA-256$4096:…';\n"
                "\n"
                "# Django: no migration should set one; connections take theirs from ~/.pgpass or a "
                "service file",
        .decides = "CREATE and ALTER ROLE, USER and GROUP with a PASSWORD that is neither a SCRAM verifier "
                   "nor an md5 hash nor NULL; user mappings with an option password; and dblink and "
                   "subscriptions whose connection string has a password in it.",
    },
    {
        .slug = "key-literal-in-sql",
        .code = "S406",
        .title = "a key or password as a constant argument of an encrypting function",
        .severity = SEVERITY_WARN,
        .any_size = true,
        .scope = RULE_ANY,
        .check = key_literal,
        .why = "What is encrypted with it is no safer than the server's log and pg_stat_activity, where "
               "the statement stands with the key in it.",
        .example = "SELECT pgp_sym_decrypt(note, 'the key') FROM shop_note;",
        .safe = "SELECT pgp_sym_decrypt(note, $1) FROM shop_note;   -- the key bound; mind "
                "log_parameter_max_length\n"
                "\n"
                "# Django: encrypt in the application (cryptography's Fernet), so that the key never "
                "reaches the server",
        .decides = "pgcrypto's pgp_sym_encrypt, pgp_sym_decrypt, pgp_pub_decrypt, encrypt, decrypt, hmac "
                   "and crypt with a constant where the key or password stands, and md5(), sha256(), "
                   "digest() of a constant for a password's column. A parameter is silent; a "
                   "client that puts its parameters into the text itself sends a constant.",
    },
};

const struct rule_group rules_secret = {rows, ARRAY_LEN(rows)};

/* -- values ----------------------------------------------------------------------------------------- */

static void plaintext_password(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const uint32_t plain = value_bit(VALUE_PLAIN) | value_bit(VALUE_CREDENTIAL) | value_bit(VALUE_RANDOM) |
	                       value_bit(VALUE_CARD) | value_bit(VALUE_UUID);
	struct leak leak;
	for (uint16_t at = 0; next_leak(input, SECRET_PASSWORD, plain, &at, &leak);) {
		report(rule, input, verdict, &leak,
		       (struct finding){
		           .message =
		               arena_printf(&verdict->arena,
		                            "%s is given a text that is no hash: whoever reads the table, a backup or "
		                            "the server's log has the password",
		                            leak.column),
		           .hint = "Store a hash that is made for passwords, never the password.",
		           .fix_django =
		               arena_printf(&verdict->arena,
		                            "user.set_password(raw)  # or %s=make_password(raw), for a model of your own",
		                            remedy_field(&verdict->arena, leak.column)),
		       });
	}
}

static void plaintext_token(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const uint32_t plain = value_bit(VALUE_CREDENTIAL) | value_bit(VALUE_RANDOM) | value_bit(VALUE_RANDOM_LONG) |
	                       value_bit(VALUE_HEX_SHORT);
	struct leak leak;
	for (uint16_t at = 0; next_leak(input, SECRET_TOKEN, plain, &at, &leak);) {
		if (is_by_design(leak.table))
			continue;
		report(
		    rule, input, verdict, &leak,
		    (struct finding){
		        .message =
		            arena_printf(&verdict->arena,
		                         "%s is given an access key as its owner sends it: whoever reads the table, "
		                         "a backup or the server's log can use it",
		                         leak.column),
		        .hint = "Store its SHA-256 and look it up by that; encrypt what has to be sent on to others.",
		        .fix_django = arena_printf(&verdict->arena, "%s=hashlib.sha256(token.encode()).hexdigest()",
		                                   remedy_field(&verdict->arena, leak.column)),
		    });
	}
}

static void card_number(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct leak leak;
	for (uint16_t at = 0; next_leak(input, SECRET_CARD, value_bit(VALUE_CARD), &at, &leak);) {
		report(rule, input, verdict, &leak,
		       (struct finding){
		           .message = arena_printf(&verdict->arena, "%s is given a payment card's number in the clear",
		                                   leak.column),
		           .hint = "Store the payment provider's token for it, and its last four digits.",
		       });
	}
}

static void weak_hash(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const uint32_t weak = value_bit(VALUE_WEAK_HASH) | value_bit(VALUE_HEX_SHORT);
	struct leak leak;
	for (uint16_t at = 0; next_leak(input, SECRET_PASSWORD, weak, &at, &leak);) {
		report(
		    rule, input, verdict, &leak,
		    (struct finding){
		        .message =
		            arena_printf(&verdict->arena,
		                         "%s is given a hash that can be tried by the billion each second: by its "
		                         "form or its function MD5, SHA, the old crypt, or few iterations",
		                         leak.column),
		        .hint = "Hash with PBKDF2, argon2, bcrypt or scrypt, and renew the old ones as users log in.",
		        .fix_django = "the default PASSWORD_HASHERS, the weak one last in the list",
		    });
	}
}

static bool wants_secrets(const struct facts *facts, struct shape_wants *wants)
{
	bool wanted = false;
	for (uint16_t i = 0; i < facts->assignment_count; i++) {
		const struct fact_assignment *assignment = &facts->assignments[i];
		if (assignment->operand != OPERAND_PARAMETER ||
		    (assignment->column && secret_of(assignment->column, strlen(assignment->column)) == SECRET_NONE))
			continue;
		shape_wants_add(wants, assignment->parameter, SHAPE_WANT_VALUE);
		wanted = true;
	}
	return wanted;
}

/* The next column of that kind that is given a value of one of those kinds; `at` goes on from where it was. */
static bool next_leak(const struct context *input, enum secret_kind kind, uint32_t values, uint16_t *at,
                      struct leak *leak)
{
	while (*at < input->facts->assignment_count) {
		const struct fact_assignment *assignment = &input->facts->assignments[(*at)++];
		if (!(values_of(input, assignment) & values) || assignment->relation < 0 ||
		    (assignment->column && secret_of(assignment->column, strlen(assignment->column)) != kind))
			continue;
		const struct catalog_relation *relation = context_relation(input, assignment->relation);
		const struct catalog_column *column = rules_assigned(assignment, relation);
		const char *name = assignment->column ? assignment->column : column ? column->name : "";
		if ((column && !is_text(column->type)) || secret_of(name, strlen(name)) != kind)
			continue;
		*leak = (struct leak){
		    .column = name,
		    .relation = relation,
		    .table = input->facts->relations[assignment->relation].name,
		};
		return true;
	}
	return false;
}

static uint32_t values_of(const struct context *input, const struct fact_assignment *assignment)
{
	uint32_t values = assignment->values;
	if (assignment->operand == OPERAND_PARAMETER && input->bound && assignment->parameter > 0 &&
	    assignment->parameter <= input->bound_count)
		values |= value_bit(input->bound[assignment->parameter - 1].value);
	return values;
}

static bool is_text(const char *type)
{
	static const char *const types[] = {"text", "varchar", "bpchar", "citext"};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

/* Django's own, and the REST framework's, keep theirs in the clear by design. */
static bool is_by_design(const char *table)
{
	return strncmp(table, "django_", 7) == 0 || strncmp(table, "authtoken_", 10) == 0;
}

static void report(const struct rule *rule, const struct context *input, struct verdict *verdict,
                   const struct leak *leak, struct finding finding)
{
	finding.column = leak->column;
	finding.table = leak->table;
	finding.evidence = leak->relation ? EVIDENCE_CATALOG : EVIDENCE_SYNTAX;
	rules_add(verdict, rule, input, leak->relation, &finding);
}

/* -- statements ------------------------------------------------------------------------------------- */

static void role_password(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t i = 0; i < input->facts->secret_count; i++) {
		const struct fact_secret *secret = &input->facts->secrets[i];
		struct finding finding = {.evidence = EVIDENCE_SYNTAX};
		switch (secret->kind) {
		case FACT_SECRET_ROLE:
			finding.message = arena_printf(
			    arena, "the password of role %s goes to the server's log in the clear", secret->object);
			finding.hint = "Use psql's \\password, which sends a SCRAM verifier made on the client.";
			break;
		case FACT_SECRET_MAPPING:
			finding.message =
			    arena_printf(arena,
			                 "the password for the foreign server %s is kept readable in pg_user_mapping, "
			                 "and goes to the server's log",
			                 secret->object);
			finding.hint = "Let the server find it in its own ~/.pgpass, or log in by certificate.";
			break;
		case FACT_SECRET_CONNECTION:
			finding.message =
			    arena_printf(arena,
			                 "the connection string of %s has a password in it, for all who read "
			                 "the server's log",
			                 secret->object);
			finding.hint =
			    "Name a service, or a foreign server with its user mapping, in place of the password.";
			break;
		case FACT_SECRET_KEY:
		case FACT_SECRET_HASHED:
			continue;
		}
		rules_add(verdict, rule, input, NULL, &finding);
	}
}

static void key_literal(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t i = 0; i < input->facts->secret_count; i++) {
		const struct fact_secret *secret = &input->facts->secrets[i];
		struct finding finding = {.evidence = EVIDENCE_SYNTAX};
		if (secret->kind == FACT_SECRET_KEY) {
			finding.message = arena_printf(
			    arena,
			    "%s() has its key or password as a constant: it goes to the server's log and stands in "
			    "pg_stat_activity",
			    secret->object);
			finding.hint = "Bind it as a parameter, or encrypt in the application.";
		} else if (secret->kind == FACT_SECRET_HASHED) {
			finding.message = arena_printf(
			    arena,
			    "%s is hashed by the server, of a constant in the statement: the password itself goes to the "
			    "server's log and stands in pg_stat_activity",
			    secret->object);
			finding.hint = "Hash it in the application, and send the hash.";
		} else {
			continue;
		}
		rules_add(verdict, rule, input, NULL, &finding);
	}
}
