#include "proxy/session_log.h"

#include "proxy/worker.h"

void session_log_name_client(struct session *session)
{
	struct sockaddr_storage address;
	int address_len = sizeof address;
	if (session->client.uv.handle.type != UV_TCP) {
		snprintf(session->client_address, sizeof session->client_address, "unix");
		return;
	}
	if (uv_tcp_getpeername(&session->client.uv.tcp, (struct sockaddr *)&address, &address_len) < 0)
		return;
	char ip[46];
	if (uv_ip_name((struct sockaddr *)&address, ip, sizeof ip) < 0)
		return;
	bool six = address.ss_family == AF_INET6;
	unsigned port =
	    ntohs(six ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
	snprintf(session->client_address, sizeof session->client_address, six ? "[%s]:%u" : "%s:%u", ip, port);
}

void session_log_connect(struct session *session)
{
	if (!session->worker->settings->log_connections)
		return;
	struct logline *line = worker_line(session->worker, LOG_LEVEL_INFO, "connect", session);
	logline_text(line, "client_tls", session->client.tls ? tls_version(session->client.tls) : "");
	logline_text(line, "server_tls", session->server.tls ? tls_version(session->server.tls) : "");
	logline_real(line, "took_ms", (double)(session->ready_ns - session->accepted_ns) / 1e6);
	worker_log(session->worker, line);
}

void session_log_disconnect(struct session *session)
{
	if (!session->worker->settings->log_disconnections)
		return;
	/* Load balancers' health checks open and close; a cancel is no session. Neither is worth a line. */
	bool health_check = session->client_frame.header_bytes == 0 && !session->state.user[0] &&
	                    !session->end_sqlstate[0] && !session->tls_error[0] && session->purpose != SESSION_MISFIT;
	if (session->purpose == SESSION_CANCELLING || (health_check && session->held.len == 0))
		return;
	bool asked = !flight_empty(&session->flight) && session->ready_ns;
	bool odd = asked || !session->ready_ns || session->end_sqlstate[0];
	struct logline *line =
	    worker_line(session->worker, odd ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "disconnect", session);
	logline_text(line, "reason", session->end_reason ? session->end_reason : "closed");
	logline_text(line, "sqlstate", session->end_sqlstate);
	logline_text(line, "tls_error", session->tls_error);
	if (asked)
		logline_int(line, "unanswered", session->flight.count);
	logline_int(line, "statements", (int64_t)session->statements);
	logline_real(line, "connected_s", (double)(uv_hrtime() - session->accepted_ns) / 1e9);
	worker_log(session->worker, line);
}
