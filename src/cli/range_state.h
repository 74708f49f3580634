/*
 * Where the ranges that a verb of `range` is about are read from: this host, or a saved output.
 */
#ifndef EPH_CLI_RANGE_STATE_H
#define EPH_CLI_RANGE_STATE_H

#include "change_session.h"
#include "file_list.h"
#include "system.h"

/**
 * range_state_local() - this Linux, in the namespace that @session has entered
 * @files:     sysctl files, to be freed by the caller; empty when they are not about that namespace
 * @listeners: ports that services listen on, NULL: nobody looked
 * What the next boot brings is filled in where files say it. Of an image, what runs is that too.
 */
int range_state_local(struct change_session *session, struct file_list *files,
		      const struct port_set *listeners, struct os_state *ret,
		      struct eph_error *reterr);

/* Of a system that does not run: what its @files set, as it will boot; where they set none the default. @ret is 0-0 when
 * that cannot be told. */
void range_state_image(const struct file_list *files, struct port_range *ret);

/* What /etc/rc.local sets, after every sysctl file; *@ret_line 0: nothing. A range of no port is one that cannot be told.
 * Return: 0 or negative errno with @reterr. */
int range_state_late(struct change_session *session, struct port_range *ret, unsigned *ret_line,
		     struct eph_error *reterr);

/* What a command of @os printed, saved in the file @path ("-": standard input). */
int range_state_text(const char *os, const char *path, struct os_state *ret,
		     struct eph_error *reterr);

#endif
