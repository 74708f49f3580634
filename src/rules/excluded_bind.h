/*
 * Whether a port of Windows can be bound, by the ranges that it excludes. A bind inside of one fails with WSAEACCES though
 * no socket is shown; one inside of the block that WSL has in mirrored mode fails with WSAEADDRINUSE, and that block stands
 * in no list.
 *
 * Source: docker/for-win#3171, dotnet/aspnetcore#25562, microsoft/WSL#12228.
 */
#ifndef EPH_RULES_EXCLUDED_BIND_H
#define EPH_RULES_EXCLUDED_BIND_H

#include "excluded_bind_result.h"
#include "text_excluded.h"

/* @ret: port, udp and ipv6 are the question; all else is written. */
void excluded_bind_judge(const struct excluded_list *list, struct excluded_bind *ret);

#endif
