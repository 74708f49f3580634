#include "portrange.h"

const struct os_range_spec portrange_specs[PORTRANGE_SPECS] = {
	{OS_REGULAR,
	 OS_TCP_UDP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "net.inet.ip.portrange.first",
	 "net.inet.ip.portrange.last"},
	{OS_HIGH,
	 OS_TCP_UDP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "net.inet.ip.portrange.hifirst",
	 "net.inet.ip.portrange.hilast"},
	/* counts downwards: lowfirst is its upper end */
	{OS_LOW,
	 OS_TCP_UDP,
	 OS_IPV4_6,
	 {1, 1023},
	 "net.inet.ip.portrange.lowlast",
	 "net.inet.ip.portrange.lowfirst"},
};
