/* Exercises: core/service_ports.c and the parsers behind it: text_services, text_unit, text_flags, text_server_conf,
 * text_port_list. One row: a file, and the ports that must come out. */
#include "check.h"

#include <errno.h>

#include "error.h"
#include "service_ports.h"
#include "strbuf.h"
#include "text_port_list.h"

static void add(struct file_list *list, const char *path, const char *text, enum file_kind kind)
{
	assert_int_equal(file_list_add(list, strdup(path), strdup(text), strlen(text), kind, 0), 0);
}

/* "3306/mysql:2 53/dns/udp:1": port, name, protocol unless tcp, "?" for a default, line. */
static void assert_list(struct file_list *list, const char *expected)
{
	struct service_ports ports;
	struct strbuf seen = STRBUF_INIT;

	assert_int_equal(service_ports_read(list, &ports), 0);
	for (size_t i = 0; i < ports.count; i++)
		strbuf_printf(
			&seen, "%s%u/%s%s%s:%u", i ? " " : "", ports.record[i].port,
			ports.record[i].name, ports.record[i].flags & SERVICE_UDP ? "/udp" : "",
			ports.record[i].flags & SERVICE_DEFAULT ? "?" : "", ports.record[i].line);
	assert_string_equal(seen.text, expected);
	strbuf_done(&seen);
	service_ports_done(&ports);
	file_list_done(list);
}

static void assert_ports(const char *path, enum file_kind kind, const char *text,
			 const char *expected)
{
	struct file_list list = {0};

	add(&list, path, text, kind);
	assert_list(&list, expected);
}

static void reads_servers(void **state)
{
	(void)state;
	assert_ports("/etc/mysql/my.cnf", FILE_MYSQL,
		     "[client]\nport = 3300\n[mysqld]\nport = 50001 # here\nreport_port=1\n"
		     "extra-port=50002\n[mysqldump]\nport=7\n[mariadb-10.11]\nport='50003'\n",
		     "50001/mysql:4 50002/mysql:6 50003/mysql:10");
	assert_ports(
		"/etc/mysql/mariadb.conf.d/50-server.cnf", FILE_MYSQL,
		"[server]\n\n[mysqld]\nbind-address = 127.0.0.1\n#port = 1\n[client]\nport = 2\n",
		"3306/mysql?:1");
	assert_ports("/etc/mysql/mariadb.cnf", FILE_MYSQL, "[client-server]\nsocket = /run/x\n",
		     "");
	assert_ports("/etc/mysql/mariadb.cnf", FILE_MYSQL, "[client-server]\nport = 3307\n",
		     "3307/mysql:2");
	assert_ports("/etc/postgresql/15/main/postgresql.conf", FILE_POSTGRESQL,
		     "#port = 1\nport = 5433\t# (change requires restart)\nport '5434'\nports=3\n",
		     "5433/postgresql:2 5434/postgresql:3");
	assert_ports("/etc/redis/redis.conf", FILE_REDIS,
		     "port 6380\ntls-port 6381\nport 0\n# port 1\nrepl-port 5\n",
		     "6380/redis:1 6381/redis:2");
	assert_ports("/etc/nginx/sites-enabled/default", FILE_NGINX,
		     "server { listen 8080; listen [::]:8081 default_server; }\n# listen 1;\n"
		     "listen unix:/run/x;\nlisten 127.0.0.1:8443 ssl;\nlisten 5353 udp;\n"
		     "server_name listen 9;\nlisten 10.0.0.1;\n",
		     "8080/nginx:1 8081/nginx:1 8443/nginx:4 5353/nginx/udp:5");
	assert_ports("/etc/haproxy/haproxy.cfg", FILE_HAPROXY,
		     "frontend health\n  bind *:50936 name x\n  bind :::50000 v4v6\n"
		     "  bind 10.0.0.1:80,ipv4@:81\nlisten stats :1936\n  bind /run/s\n"
		     "  server a 10.0.0.2:9\n  bind :8000-8002\n",
		     "50936/haproxy:2 50000/haproxy:3 80/haproxy:4 81/haproxy:4 1936/haproxy:5 "
		     "8000/haproxy:8 "
		     "8001/haproxy:8 8002/haproxy:8");
	assert_ports("/etc/default/prometheus", FILE_FLAGS,
		     "ARGS=\"--web.listen-address=:49090 --web.max-connections=512\"\n# --port=1\n",
		     "49090/prometheus:1");
	assert_ports("/etc/etcd/etcd.conf.yml", FILE_FLAGS,
		     "listen-client-urls: http://10.0.0.1:2379,http://127.0.0.1:42379\n"
		     "advertise-client-urls: http://10.0.0.1:1\ninitial-cluster: a=http://b:2\n",
		     "2379/etcd:1 42379/etcd:1");
	assert_ports("/etc/default/etcd", FILE_FLAGS,
		     "ETCD_LISTEN_PEER_URLS=\"http://10.0.0.1:2380\"\nETCD_NAME=x\n",
		     "2380/etcd:1");
}

static void reads_kubernetes(void **state)
{
	(void)state;
	assert_ports("/var/lib/kubelet/config.yaml", FILE_KUBERNETES,
		     "kind: KubeletConfiguration\nhealthzPort: 10248\nreadOnlyPort: 0\n",
		     "10248/kubelet:2 10248/kubelet?:0 10250/kubelet?:0");
	assert_ports("/etc/kubernetes/manifests/ingress.yaml", FILE_KUBERNETES,
		     "    - --healthz-port=10254\n    - containerPort: 10255\n"
		     "      targetPort: 80\n    - \"--secure-port=6443\"\n      path: /x:1\n",
		     "10254/ingress:1 10255/ingress:2 6443/ingress:4");
}

static void reads_units(void **state)
{
	(void)state;
	assert_ports(
		"/usr/lib/systemd/system/web.socket", FILE_UNIT,
		"[Unit]\nListenStream=1\n[Socket]\nListenStream=40080\n"
		"ListenStream=[::]:40081\nListenStream=/run/x\nListenDatagram=127.0.0.1:40082\n"
		"ListenStream=%i\n",
		"40080/web:4 40081/web:5 40082/web/udp:7");
	assert_ports("/etc/systemd/system/ssh.socket.d/port.conf", FILE_UNIT,
		     "[Socket]\nListenStream=40022\n", "40022/ssh:2");
	assert_ports(
		"/etc/systemd/system/app.service", FILE_UNIT,
		"[Service]\nExecStart=-/usr/bin/app --port 40001 \\\n  --metrics-port=40002 \\\n"
		"  -p 40003 -p 22 --remote-port=5 --listen '127.0.0.1:40004' --port $PORT\n"
		"ExecStop=/bin/x --port 9\n",
		"40001/app:2 40002/app:2 40003/app:2 40004/app:2");
}

/* An empty assignment takes back what the unit said, of that kind only. */
static void forgets_what_a_drop_in_takes_back(void **state)
{
	struct file_list list = {0};

	(void)state;
	assert_ports("/usr/lib/systemd/system/web.socket", FILE_UNIT,
		     "[Socket]\nListenStream=40080\nListenStream=\nListenStream=40081\n",
		     "40081/web:4");
	add(&list, "/usr/lib/systemd/system/web.socket", "[Socket]\nListenStream=40080\n",
	    FILE_UNIT);
	add(&list, "/usr/lib/systemd/system/web.service",
	    "[Service]\nExecStart=/usr/bin/web --port 40070\n", FILE_UNIT);
	add(&list, "/usr/lib/systemd/system/webmail.socket", "[Socket]\nListenStream=40090\n",
	    FILE_UNIT);
	add(&list, "/etc/systemd/system/web.socket.d/port.conf",
	    "[Socket]\nListenStream=\nListenStream=40082\n", FILE_UNIT);
	assert_list(&list, "40070/web:2 40090/webmail:2 40082/web:3");
	add(&list, "/usr/lib/systemd/system/web.service",
	    "[Service]\nExecStart=/usr/bin/web --port 40070\n", FILE_UNIT);
	add(&list, "/etc/systemd/system/web.service.d/port.conf",
	    "[Service]\nExecStart=\nExecStart=/usr/bin/web --port 40071\n", FILE_UNIT);
	assert_list(&list, "40071/web:3");
}

/* What the manuals allow and few people write. */
static void reads_odd_but_valid_files(void **state)
{
	(void)state;
	assert_ports("/etc/mysql/my.cnf", FILE_MYSQL,
		     "[mysqld]\nextra-port=50001\nloose-mysqlx_port = 50002\nadmin-port=50003\n"
		     "loose_report-port=50004\nport_open_timeout=9\n",
		     "50001/mysql:2 50002/mysql:3 50003/mysql:4");
	assert_ports("/etc/postgresql/15/main/postgresql.conf", FILE_POSTGRESQL, "Port = 50001\n",
		     "50001/postgresql:1");
	assert_ports("/etc/postgresql/15/main/postgresql.conf", FILE_POSTGRESQL,
		     "#port = 5433\nmax_connections = 100\n", "5432/postgresql?:0");
	assert_ports("/etc/postgresql/15/main/conf.d/a.conf", FILE_POSTGRESQL, "#port = 5433\n",
		     "");
	assert_ports("/etc/redis/redis.conf", FILE_REDIS,
		     "PORT \"26000\"\ncluster-enabled yes\ncluster-announce-port 7\n",
		     "26000/redis:1 36000/redis:2");
	assert_ports("/etc/redis/redis.conf", FILE_REDIS,
		     "cluster-port 50009\nport 26000\ncluster-enabled yes\n",
		     "50009/redis:1 26000/redis:2");
	assert_ports("/etc/redis/redis.conf", FILE_REDIS,
		     "port 0\ntls-port 60000\ncluster-enabled yes\n", "60000/redis:2");
	assert_ports("/etc/nginx/nginx.conf", FILE_NGINX,
		     "listen 50001\n  default_server;\nlisten 127.0.0.1:50002-50003;\n"
		     "listen [::]:443 quic reuseport;\nlisten 50005-50004;\nlisten [::1];\n"
		     "listen_backlog 5;\n",
		     "50001/nginx:1 50002/nginx:3 50003/nginx:3 443/nginx/udp:4");
	assert_ports("/etc/haproxy/haproxy.cfg", FILE_HAPROXY,
		     "stats socket /run/a.sock level admin\nstats socket ipv4@127.0.0.1:50001 "
		     "level admin\n"
		     "stats timeout 30s\npeer left 10.0.0.1:50002\nbind quic4@:443 ssl\n"
		     "dgram-bind :514\nbind unix@/run/x:5\nbind abns@a:6\nbind fd@7\n"
		     "bind :80,[::]:50003 ssl\nserver s 10.0.0.2:50009\n",
		     "50001/haproxy:2 50002/haproxy:4 443/haproxy/udp:5 514/haproxy/udp:6 "
		     "80/haproxy:10 50003/haproxy:10");
}

static void knows_defaults(void **state)
{
	struct file_list list = {0};
	const char *unit = "[Service]\nExecStart=/usr/sbin/mariadbd $MYSQLD_OPTS\n";

	(void)state;
	assert_ports("/lib/systemd/system/mariadb.service", FILE_UNIT, unit, "3306/mysql?:2");
	add(&list, "/lib/systemd/system/mariadb.service", unit, FILE_UNIT);
	add(&list, "/etc/mysql/my.cnf", "[mysqld]\nport=3307\n", FILE_MYSQL);
	assert_list(&list, "3307/mysql:2");
}

static void takes_names_of_installed_services_only(void **state)
{
	const char *services = "# x\nssh 22/tcp\nmysql\t3306/tcp mariadb # y\ndomain 53/udp\n"
			       "rubbish\nbad 70000/tcp\nsctp 9/sctp\n";
	struct file_list list = {0};

	(void)state;
	assert_ports("/etc/services", FILE_SERVICES, services, "");
	add(&list, "/etc/services", services, FILE_SERVICES);
	add(&list, "/usr/lib/systemd/system/mariadb.service", "[Unit]\n", FILE_UNIT);
	add(&list, "/etc/systemd/system/domain.service", "", FILE_UNIT);
	assert_list(&list, "3306/mariadb:3");
}

static void reads_lists_of_ports(void **state)
{
	struct file_text bad = {.path = (char[]){"ports"},
				.text = (char[]){"80\n8o web\n"},
				.length = 10,
				.kind = FILE_PORTS};
	struct eph_error error;

	(void)state;
	assert_ports("ports", FILE_PORTS, "# mine\n50936 haproxy health\n\n9000-9001,80\n8o x\n",
		     "50936/haproxy health:2 80/:4 9000/:4 9001/:4");
	assert_int_equal(text_port_list_check(&bad, &error), -EINVAL);
	assert_int_equal(error.offset, 2);
	bad.length = 3;
	assert_int_equal(text_port_list_check(&bad, &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_servers),
		cmocka_unit_test(reads_kubernetes),
		cmocka_unit_test(reads_units),
		cmocka_unit_test(forgets_what_a_drop_in_takes_back),
		cmocka_unit_test(reads_odd_but_valid_files),
		cmocka_unit_test(knows_defaults),
		cmocka_unit_test(takes_names_of_installed_services_only),
		cmocka_unit_test(reads_lists_of_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
