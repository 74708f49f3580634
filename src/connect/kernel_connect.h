/*
 * eph_connect() where the pool leaves the search to the kernel (EPH_SEARCH_KERNEL): one source after the other, in the pool's
 * range, as connect(2) would.
 */
#ifndef EPH_CONNECT_KERNEL_CONNECT_H
#define EPH_CONNECT_KERNEL_CONNECT_H

#include "flat_connect.h"

/* For TCP and UDP. As connect(2): 0, or -1 and errno. */
int kernel_connect(const struct connect_request *request);

#endif
