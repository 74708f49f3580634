#include "time_wait.h"

#define LOOPBACK_IFINDEX 1 /* the kernel's, in every network namespace */

enum law time_wait_aged(const struct socket_record *record, const struct settings *settings,
			const struct kernel_laws *laws)
{
	if (record->state != STATE_TIME_WAIT)
		return LAW_NO; /* substate FIN_WAIT2 never gives way */
	if (!(record->known & SOCKET_TIMESTAMPS))
		return LAW_UNKNOWN;
	if (!(record->flags & SOCKET_TIMESTAMPS))
		return LAW_NO;
	if (laws->entry_stamp == LAW_UNKNOWN || !(record->known & SOCKET_AGE))
		return LAW_UNKNOWN;
	if (laws->entry_stamp == LAW_NO)
		return record->ts_age_s >= 1 ? LAW_YES : LAW_NO;
	return record->age_ms > settings->tw_reuse_delay_ms ? LAW_YES : LAW_NO;
}

bool time_wait_allowed(const struct ip_address *local, const struct ip_address *remote,
		       bool on_loopback_device, const struct settings *settings, int override)
{
	if (override >= 0)
		return override == 1;
	if (settings->tw_reuse != 2)
		return settings->tw_reuse == 1;
	return on_loopback_device || ip_address_is_loopback(local) ||
	       ip_address_is_loopback(remote);
}
