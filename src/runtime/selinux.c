/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selinux: what the host's policy says, asked through libselinux: it knows where the policy in use
 * keeps its files. The labels themselves are set by mount options, attributes of files, and the
 * child's own writes (init/label.c): the keeper has no libraries. Start-up, and workers.
 */
#include "selinux.h"

#if BERTH_HAS_SELINUX

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <selinux/selinux.h>
#include <string.h>

#define CONTEXTS_MAX (64u << 10)

/* Without a policy everything is called "kernel". */
static bool is_on(void)
{
    char *own = NULL;
    bool is_known = is_selinux_enabled() > 0 && getcon_raw(&own) == 0 && own;

    is_known = is_known && strcmp(own, "kernel") != 0;
    freecon(own);
    return is_known;
}

struct err *selinux_check(const char *context)
{
    if (security_check_context_raw(context) == 0)
        return NULL;
    if (errno == EINVAL)
        return err_new(ERR_INVALID, "the SELinux policy of this host has no context \"%s\"",
                       context);
    return err_sys("ask SELinux for the context \"%s\"", context);
}

static struct err *read_base(struct arena *a, const char *path, struct label_base *out)
{
    char *text;
    size_t len;

    TRY(file_read(a, AT_FDCWD, path, CONTEXTS_MAX, &text, &len));
    TRY(label_base_parse(a, text, out));
    TRY(selinux_check(out->process));
    TRY(selinux_check(out->layer));
    return selinux_check(out->file);
}

struct err *selinux_open(struct arena *a, struct label_base *out)
{
    const char *path;
    struct err *e;

    if (!is_on())
        return err_new(ERR_INVALID,
                       "--selinux-enabled: SELinux is off on this host: the kernel has none, or no "
                       "policy is loaded, or there is no /etc/selinux/config. Containers would run "
                       "without the labels that are asked for; leave the flag out");
    path = selinux_lxc_contexts_path();
    if (!path)
        return err_new(ERR_INVALID, "--selinux-enabled: the SELinux policy has no lxc_contexts");
    e = read_base(a, path, out);
    return e ? err_as(err_wrap(e, "--selinux-enabled: the contexts for containers in %s", path),
                      ERR_INVALID)
             : NULL;
}

#else

struct err *selinux_check(const char *context)
{
    return err_new(ERR_INVALID, "berthd was built without libselinux, and cannot ask for \"%s\"",
                   context);
}

struct err *selinux_open(struct arena *a, struct label_base *out)
{
    (void)a;
    (void)out;
    return err_new(ERR_INVALID, "--selinux-enabled: this berthd was built without libselinux");
}

#endif
