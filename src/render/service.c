#include "service.h"

#include <stddef.h>

#include "alloc.h"

const char *service_name(uint16_t port)
{
	static const struct {
		uint16_t port;
		const char *name;
	} known[] = {
		{22, "ssh"},          {25, "smtp"},         {53, "dns"},
		{80, "http"},         {88, "kerberos"},     {110, "pop3"},
		{111, "rpcbind"},     {123, "ntp"},         {143, "imap"},
		{161, "snmp"},        {389, "ldap"},        {443, "https"},
		{445, "smb"},         {514, "syslog"},      {587, "submission"},
		{636, "ldaps"},       {853, "dns-tls"},     {993, "imaps"},
		{1433, "mssql"},      {1521, "oracle"},     {1883, "mqtt"},
		{2049, "nfs"},        {2181, "zookeeper"},  {2379, "etcd"},
		{3128, "squid"},      {3306, "mysql"},      {3389, "rdp"},
		{4222, "nats"},       {4317, "otlp"},       {5432, "postgresql"},
		{5672, "amqp"},       {5984, "couchdb"},    {6379, "redis"},
		{6432, "pgbouncer"},  {6443, "kube-api"},   {8086, "influxdb"},
		{8125, "statsd"},     {8200, "vault"},      {8300, "consul"},
		{8500, "consul"},     {9000, "php-fpm"},    {9042, "cassandra"},
		{9090, "prometheus"}, {9092, "kafka"},      {9200, "elasticsearch"},
		{10250, "kubelet"},   {11211, "memcached"}, {27017, "mongodb"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].port == port)
			return known[i].name;
	return NULL;
}
