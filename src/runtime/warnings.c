/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences for the API's Warnings: what is accepted but does nothing. What weakens the isolation
 * is in runtime/risk.h. Pure, any thread. */
#include "runtime/sandbox.h"

#include <stdio.h>
#include <sys/utsname.h>

static void warn(struct arena *a, struct strs *out, const char *text)
{
    strs_add(a, out, text);
}

/* Kernel memory was an experiment before 4.0 and is gone since 5.x, as is its part for TCP: never
 * applied. */
void sandbox_warn_kernel_memory(struct arena *a, const struct host_config *h, struct strs *out)
{
    struct utsname un;
    int major = 4;

    if (!h->kernel_memory && !h->kernel_memory_tcp)
        return;
    if (uname(&un) == 0)
        (void)!sscanf(un.release, "%d", &major);
    if (major < 4)
        warn(a, out,
             "You specified a kernel memory limit on a kernel older than 4.0. Kernel "
             "memory limits are experimental on older kernels, it won't work as expected "
             "as expected and can cause your system to be unstable.");
    else
        warn(a, out,
             "Specifying a kernel memory limit is deprecated and does nothing: the kernel memory "
             "cgroup is unstable and not to be used. --memory counts what the kernel holds for "
             "the container, too.");
}

void sandbox_warnings(struct arena *a, const struct host_config *h, struct strs *out)
{
    if (text_same(h->network_mode, "host") && (h->port_bindings.n || h->publish_all_ports))
        warn(a, out, "Published ports are discarded when using host network mode");
    sandbox_warn_kernel_memory(a, h, out);
}
