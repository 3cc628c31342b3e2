/* SPDX-License-Identifier: Apache-2.0 */
/* Capability sets as bit masks (bit n is capability number n). Pure, except caps_held. */
#pragma once

#include "base/text.h"

#define CAPS_BIT(n) (1ULL << (n))
#define CAPS_COUNT 41
enum { CAPS_SYS_ADMIN = 21 };

uint64_t caps_default(void); /* Docker's fourteen */
uint64_t caps_known(void);   /* every capability that has a name here */
uint64_t caps_held(void);    /* what this process may hand on: bounding and permitted */
/* "net_admin", "CAP_NET_ADMIN": the number; -1 when there is none of that name. */
int caps_number(const char *name);
const char *caps_name(int number); /* "NET_ADMIN" */

struct caps_request {
    const struct strs *add, *drop;
    bool is_privileged;
    uint64_t held; /* caps_held() */
};
/* The bounding set of a container. ERR_INVALID in Docker's words. */
struct err *caps_plan(struct arena *a, const struct caps_request *r, uint64_t *out) must_check;
