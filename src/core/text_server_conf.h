/*
 * Configuration of well-known servers, as far as one line tells: port under [mysqld], postgresql.conf, redis.conf,
 * `listen` of nginx, `bind` of HAProxy, flags and YAML of etcd, Prometheus, kubelet and static pods. Pure.
 */
#ifndef EPH_CORE_TEXT_SERVER_CONF_H
#define EPH_CORE_TEXT_SERVER_CONF_H

#include "service_ports.h"

void text_server_conf_read(const struct file_text *file, struct service_ports *ports);

#endif
