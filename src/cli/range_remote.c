#include "range_remote.h"

#include "host.h"
#include "runner_ssh.h"

static int read_state(struct os_host *host, struct os_state *ret, struct eph_error *reterr)
{
	struct os_host_files files;
	struct os_files borrowed;
	int r = os_host_read(host, ret, reterr);

	if (r < 0)
		return r;
	r = os_host_files(host, &files, reterr);
	borrowed = (struct os_files){files.file, files.count};
	if (r == 0) {
		os_boot(ret, &borrowed);
		os_warn(ret, NULL);
	}
	os_host_files_done(&files);
	return r;
}

int range_remote_state(const char *target, const char *os, struct os_state *ret,
		       struct eph_error *reterr)
{
	struct ssh_runner ssh;
	struct os_host host;
	int r = ssh_runner_init(&ssh, target, reterr);

	if (r < 0)
		return r;
	r = os_host_open(&host, &ssh.runner, os, reterr);
	if (r == 0)
		r = read_state(&host, ret, reterr);
	ssh_runner_done(&ssh);
	return r;
}
