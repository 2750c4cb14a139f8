#include "inspect/tree/walk_secret.h"

#include <string.h>
#include <strings.h>

static void walk_role(struct gather *gather, const RoleSpec *role, const char *name, const List *options);
static void walk_mapping(struct gather *gather, const char *server, const List *options);
static bool is_verifier(const char *password);
static bool has_password(const char *connection);

void walk_secret(struct gather *gather, const Node *statement)
{
	switch (nodeTag(statement)) {
	case T_CreateRoleStmt:
		walk_role(gather, NULL, ((const CreateRoleStmt *)statement)->role,
		          ((const CreateRoleStmt *)statement)->options);
		break;
	case T_AlterRoleStmt:
		walk_role(gather, ((const AlterRoleStmt *)statement)->role, NULL,
		          ((const AlterRoleStmt *)statement)->options);
		break;
	case T_CreateUserMappingStmt:
		walk_mapping(gather, ((const CreateUserMappingStmt *)statement)->servername,
		             ((const CreateUserMappingStmt *)statement)->options);
		break;
	case T_AlterUserMappingStmt:
		walk_mapping(gather, ((const AlterUserMappingStmt *)statement)->servername,
		             ((const AlterUserMappingStmt *)statement)->options);
		break;
	case T_CreateSubscriptionStmt: {
		const CreateSubscriptionStmt *create = (const CreateSubscriptionStmt *)statement;
		if (create->conninfo != NULL && has_password(create->conninfo))
			gather_secret(gather, FACT_SECRET_CONNECTION, create->subname);
		break;
	}
	case T_AlterSubscriptionStmt: {
		const AlterSubscriptionStmt *alter = (const AlterSubscriptionStmt *)statement;
		if (alter->conninfo != NULL && has_password(alter->conninfo))
			gather_secret(gather, FACT_SECRET_CONNECTION, alter->subname);
		break;
	}
	default:
		break;
	}
}

static void walk_role(struct gather *gather, const RoleSpec *role, const char *name, const List *options)
{
	ListCell *cell;

	if (name == NULL)
		name = role != NULL && role->roletype == ROLESPEC_CSTRING ? role->rolename : "";
	foreach (cell, options) {
		const DefElem *option = lfirst(cell);
		/* PASSWORD NULL has no argument. */
		if (strcmp(option->defname, "password") == 0 && option->arg != NULL && IsA(option->arg, String) &&
		    strVal(option->arg)[0] != '\0' && !is_verifier(strVal(option->arg)))
			gather_secret(gather, FACT_SECRET_ROLE, name);
	}
}

/* What the server stores as it is (get_password_type in crypt.c): nobody can log in with what stands there. */
static bool is_verifier(const char *password)
{
	return strncmp(password, "SCRAM-SHA-256$", 14) == 0 ||
	       (strncmp(password, "md5", 3) == 0 && strlen(password) == 35 &&
	        strspn(password + 3, "0123456789abcdef") == 32);
}

static void walk_mapping(struct gather *gather, const char *server, const List *options)
{
	ListCell *cell;

	foreach (cell, options) {
		const DefElem *option = lfirst(cell);
		if (strcasecmp(option->defname, "password") == 0 && option->arg != NULL && IsA(option->arg, String) &&
		    strVal(option->arg)[0] != '\0')
			gather_secret(gather, FACT_SECRET_MAPPING, server);
	}
}

/* password=… of a connection string, or user:password@ of a URI (libpq, "Connection Strings"). */
static bool has_password(const char *connection)
{
	const char *at = strstr(connection, "password"), *slashes = strstr(connection, "://");

	for (; at != NULL; at = strstr(at + 1, "password")) {
		const char *value = at + strlen("password");
		value += strspn(value, " ");
		if (*value++ != '=')
			continue;
		value += strspn(value, " ");
		if (*value != '\0' && strncmp(value, "''", 2) != 0)
			return true;
	}
	if (slashes == NULL)
		return false;
	const char *host = strchr(slashes + 3, '@'), *colon = strchr(slashes + 3, ':');
	return host != NULL && colon != NULL && colon + 1 < host;
}

void walk_secret_call(struct gather *gather, const FuncCall *call)
{
	/* The arguments that are a key or a password, counted from 0, and how many there must be. crypt's first is
	 * the password itself. */
	static const struct {
		const char *name;
		int key, least, most;
	} functions[] = {
	    {"pgp_sym_encrypt", 1, 2, 3}, {"pgp_sym_encrypt_bytea", 1, 2, 3},
	    {"pgp_sym_decrypt", 1, 2, 3}, {"pgp_sym_decrypt_bytea", 1, 2, 3},
	    {"pgp_pub_decrypt", 2, 3, 4}, {"encrypt_iv", 1, 4, 4},
	    {"decrypt_iv", 1, 4, 4},      {"encrypt", 1, 3, 3},
	    {"decrypt", 1, 3, 3},         {"hmac", 1, 3, 3},
	    {"crypt", 0, 2, 2},
	};
	static const char *const connecting[] = {"dblink", "dblink_connect", "dblink_connect_u", "dblink_exec"};
	const char *name = call->funcname != NIL ? nodes_last_name(call->funcname) : NULL;
	int arguments = list_length(call->args);

	if (name == NULL)
		return;
	for (size_t at = 0; at < ARRAY_LEN(functions); at++) {
		if (strcmp(name, functions[at].name) != 0 || arguments < functions[at].least ||
		    arguments > functions[at].most)
			continue;
		if (nodes_string_constant(list_nth(call->args, functions[at].key)) != NULL)
			gather_secret(gather, FACT_SECRET_KEY, name);
		return;
	}
	for (size_t at = 0; at < ARRAY_LEN(connecting); at++) {
		if (strcmp(name, connecting[at]) != 0)
			continue;
		/* dblink_connect takes a connection's name before the string. */
		for (int argument = 0; argument < arguments && argument < 2; argument++) {
			const char *text = nodes_string_constant(list_nth(call->args, argument));
			if (text != NULL && has_password(text)) {
				gather_secret(gather, FACT_SECRET_CONNECTION, name);
				return;
			}
		}
	}
}
