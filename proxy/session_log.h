/* The log's lines on a session's beginning and end. */
#ifndef PGPROCTOR_PROXY_SESSION_LOG_H
#define PGPROCTOR_PROXY_SESSION_LOG_H

#include "proxy/session.h"

/* The client has been accepted: writes its address, as lines name it. */
void session_log_name_client(struct session *session);
/* It is logged in (log_connections). */
void session_log_connect(struct session *session);
/* It is gone (log_disconnections); nothing for a health check or a cancel. */
void session_log_disconnect(struct session *session);

#endif
