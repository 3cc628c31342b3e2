/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The risks of joining: a container that has the host's namespace gives it to whoever joins it
 * ("container:X"), and so on through those that have joined somebody in turn. Loop thread.
 */
#include "run/joined.h"

#include <stddef.h>

#include "container/object.h"
#include "place/networks.h"
#include "runtime/risk.h"

#define CHAIN_MAX 64 /* of containers, each of which has joined the next */

static const struct joined_mode {
    size_t at; /* in struct host_config */
    const char *risk, *option;
} modes[] = {
    {offsetof(struct host_config, pid_mode), "host-pid", "--pid"},
    {offsetof(struct host_config, ipc_mode), "host-ipc", "--ipc"},
    {offsetof(struct host_config, network_mode), "host-network", "--net"},
};

static const char *mode_of(const struct host_config *h, const struct joined_mode *m)
{
    return *(char *const *)((const char *)h + m->at);
}

/* A chain that does not end is taken for the host's. */
static bool leads_to_host(struct container_table *t, const struct host_config *h,
                          const struct joined_mode *m)
{
    for (int i = 0; i < CHAIN_MAX; i++) {
        struct container *other = NULL;

        err_drop(mode_container(t, mode_of(h, m), &other));
        if (!other)
            return i > 0 && text_same(mode_of(h, m), "host");
        h = &other->doc.host;
    }
    return true;
}

void joined_risks(struct container_table *t, struct arena *a, const struct host_config *h,
                  struct risk_findings *out)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (leads_to_host(t, h, &modes[i]))
            risk_add(a, out, modes[i].risk,
                     arena_printf(a, "%s %s (which has the host's)", modes[i].option,
                                  mode_of(h, &modes[i])));
}
