/*
 * Command line flags that name a port to listen on, and what well-known servers listen on without any. Pure.
 */
#ifndef EPH_CORE_TEXT_FLAGS_H
#define EPH_CORE_TEXT_FLAGS_H

#include "service_ports.h"

/**
 * text_flags_read() - the ports that flags in @words name
 * --port N, --port=N, and any flag whose last word is "port"; flags of addresses to listen on (…listen…, …bind…,
 * …-address), whose value names a port; -p N from 1024 on, below it is too often something else. Names of the other side
 * (remote, peer, target, upstream, proxy, server ...) are passed over.
 */
void text_flags_read(const struct file_text *file, uint32_t line, struct text_span words,
		     struct text_span service, struct service_ports *ports);

/* Does a setting of this name ("healthzPort", "metrics-bind-address") say where to listen? */
bool text_flags_listens(struct text_span name);

/* The family of a program, by the name of its file: "mysql" of mariadbd; else its own name. */
struct text_span text_flags_family(struct text_span program);

/* Add the default ports of @family, flagged SERVICE_DEFAULT; none for most. */
void text_flags_defaults(const struct file_text *file, uint32_t line, struct text_span family,
			 struct service_ports *ports);

#endif
