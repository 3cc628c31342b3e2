/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AppArmor: the default profile, and which profile a container gets. The child asks the kernel to
 * change to it at its execve (init/label.c). SELinux: what can be asked for here (label.c has the
 * contexts, container/labels.c who has which). Start-up, but for what is pure.
 *
 * A profile is compiled by apparmor_parser, the only program that can: where it is missing and
 * nobody else has loaded the profile, containers run without one, as dockerd's do, and the log says
 * so. Trap: the rules of a newer feature that the kernel or the parser does not know are left out
 * by the parser with a warning, never refused.
 */
#include "runtime/lsm.h"

#include "base/fd.h"
#include "base/log.h"

#include "secopt.h"
#include "selinux.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PROFILE "berth-default"
#define ENABLED "/sys/module/apparmor/parameters/enabled"
#define LOADED "/sys/kernel/security/apparmor/profiles"
#define LOADED_MAX (4u << 20)
#define UNCONFINED "unconfined"

bool lsm_has_apparmor(void)
{
    autoarena struct arena *a = arena_create();
    char *text = NULL;
    size_t len;

    err_drop(file_read(a, AT_FDCWD, ENABLED, 16, &text, &len));
    return text && *text == 'Y';
}

bool lsm_has_selinux(void)
{
    return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

/* Docker's, with nothing included, so that it needs no files of the host's. What is denied is what
 * a container could reach through procfs and sysfs when a mask fails it: all of /proc but processes
 * and /proc/sys/kernel/shm*, all of /sys but cgroups; mounts; and processes outside by ptrace. */
static const char default_text[] =
    "profile " PROFILE " flags=(attach_disconnected,mediate_deleted) {\n"
    "  network,\n"
    "  capability,\n"
    "  file,\n"
    "  umount,\n"
    "  signal (receive) peer=unconfined,\n"
    "  signal (receive) peer=%s,\n"
    "  signal (send,receive) peer=" PROFILE ",\n"
    "  deny /proc/* w,\n"
    "  deny /proc/{[^0-9s]*,s,s[^y/]*,sy,sy[^s/]*,sys?*}/** w,\n"
    "  deny /proc/sys/[^k]** w,\n"
    "  deny /proc/sys/kernel/{[^s]**,s,s[^h]**,sh,sh[^m]**} w,\n"
    "  deny /proc/sysrq-trigger rwklx,\n"
    "  deny /proc/kcore rwklx,\n"
    "  deny mount,\n"
    "  deny /sys/[^f]*/** wklx,\n"
    "  deny /sys/f[^s]*/** wklx,\n"
    "  deny /sys/fs/[^c]*/** wklx,\n"
    "  deny /sys/fs/c[^g]*/** wklx,\n"
    "  deny /sys/fs/cg[^r]*/** wklx,\n"
    "  deny /sys/firmware/** rwklx,\n"
    "  deny /sys/devices/virtual/powercap/** rwklx,\n"
    "  deny /sys/kernel/security/** rwklx,\n"
    "  ptrace (trace,read,tracedby,readby) peer=" PROFILE ",\n"
    "}\n";

char *lsm_default_text(struct arena *a, const char *confiner)
{
    return arena_printf(a, default_text, confiner);
}

/* A line is "name (mode)". */
static bool is_loaded(void)
{
    autoarena struct arena *a = arena_create();
    struct strs lines;
    char *text = NULL;
    size_t len;

    err_drop(file_read(a, AT_FDCWD, LOADED, LOADED_MAX, &text, &len));
    lines = text_split(a, text ? text : "", '\n');
    for (size_t i = 0; i < lines.n; i++)
        if (text_starts(lines.v[i], PROFILE " ("))
            return true;
    return false;
}

/* The profile of this very process, without its mode: it may send signals to containers. */
static const char *own_profile(struct arena *a)
{
    char *text = NULL;
    size_t len;

    err_drop(file_read(a, AT_FDCWD, "/proc/thread-self/attr/apparmor/current", 4096, &text, &len));
    if (!text)
        return UNCONFINED;
    text[strcspn(text, " \n")] = '\0';
    return *text && !strpbrk(text, "{},\"") ? text : UNCONFINED;
}

static struct err *open_text(const char *text, int *out)
{
    autoclose int fd = memfd_create(PROFILE, MFD_CLOEXEC);

    if (fd < 0)
        return err_sys("make a memfd");
    TRY(fd_write_all(fd, text, strlen(text)));
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys("rewind a memfd");
    *out = steal_fd(&fd);
    return NULL;
}

/* -K: no cache in /var, -r: also where an older one is loaded. */
static struct err *run_parser(int text)
{
    static const char *const places[] = {"/sbin/apparmor_parser", "/usr/sbin/apparmor_parser"};
    char *argv[] = {(char *)"apparmor_parser", (char *)"-Kr", NULL};
    char *env[] = {NULL};
    posix_spawn_file_actions_t actions;
    int rc = ENOENT, status = 0;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, text, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    for (size_t i = 0; i < ARRAY_LEN(places) && rc == ENOENT; i++)
        rc = posix_spawn(&pid, places[i], &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    if (rc == ENOENT)
        return err_new(ERR_NOT_FOUND, "apparmor_parser is not installed (package apparmor)");
    if (rc)
        return err_sysno(rc, "run apparmor_parser");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? NULL
                       : err_new(ERR_INTERNAL, "apparmor_parser failed: see its words above");
}

static struct err *load_default(void)
{
    autoarena struct arena *a = arena_create();
    autoclose int text = -1;

    TRY(open_text(lsm_default_text(a, own_profile(a)), &text));
    return run_parser(text);
}

static void open_apparmor(struct lsm *out)
{
    struct err *e = NULL;

    out->has_apparmor = lsm_has_apparmor();
    if (!out->has_apparmor)
        return;
    if (!is_loaded())
        e = load_default();
    if (e)
        log_warn("AppArmor is on, but containers run without a profile of it",
                 KV("profile", PROFILE), KV("why", err_text(e)));
    else
        out->profile = PROFILE;
    err_drop(e);
}

struct err *lsm_check_selinux(void)
{
    autoarena struct arena *a = arena_create();
    struct label_base ignored;

    return selinux_open(a, &ignored);
}

struct err *lsm_open(struct arena *a, bool wants_labels, struct lsm *out)
{
    struct lsm l = {.is_selinux_on = lsm_has_selinux(), .sets_labels = wants_labels};

    if (wants_labels)
        TRY(selinux_open(a, &l.labels));
    open_apparmor(&l);
    *out = l;
    return NULL;
}

/* ---- of a container ---- */

/* By whatever the kernel takes for the same: it skips blanks, and knows its own namespace by name
 * (":root:unconfined"). Risks and policies know one word for it. */
static bool is_unconfined_in_disguise(const char *profile)
{
    static const char blanks[] = " \t\n\v\f\r";
    size_t n = strlen(profile);

    return strchr(blanks, *profile) || strchr(blanks, profile[n - 1]) ||
           text_ends(profile, ":" UNCONFINED) || text_ends(profile, "/" UNCONFINED);
}

struct err *lsm_check(struct arena *a, const struct lsm *l, const struct host_config *h)
{
    struct secopt sec;

    TRY(secopt_parse(a, &h->security_opt, &sec));
    if (sec.apparmor && is_unconfined_in_disguise(sec.apparmor))
        return err_new(ERR_INVALID,
                       "invalid AppArmor profile \"%s\": it begins or ends with a blank, or is "
                       "unconfined by another name; say apparmor=unconfined where that is meant",
                       sec.apparmor);
    if (sec.apparmor && strcmp(sec.apparmor, UNCONFINED) != 0 && !l->has_apparmor)
        return err_new(ERR_INVALID,
                       "AppArmor is not supported on this host, but the profile '%s' was specified",
                       sec.apparmor);
    if (sec.first_label && !l->sets_labels)
        return err_new(ERR_INVALID,
                       "--security-opt label=%s: the engine does not set SELinux labels%s; leave "
                       "it out, or use label=disable",
                       sec.first_label,
                       l->is_selinux_on ? " (berthd --selinux-enabled)"
                                        : ", and SELinux is off on this host");
    return NULL;
}

struct err *lsm_label_options(struct arena *a, const struct host_config *h,
                              struct label_options *out)
{
    struct secopt sec;

    TRY(secopt_parse(a, &h->security_opt, &sec));
    *out = sec.label;
    return NULL;
}

struct err *lsm_check_labels(const struct lsm *l, const char *process, const char *mount)
{
    if (!l->sets_labels)
        return NULL;
    if (!text_is_empty(process))
        TRY(selinux_check(process));
    return text_is_empty(mount) ? NULL : selinux_check(mount);
}

const char *lsm_profile(struct arena *a, const struct lsm *l, const struct host_config *h)
{
    struct secopt sec = {0};

    if (!l->has_apparmor)
        return "";
    err_drop(secopt_parse(a, &h->security_opt, &sec));
    if (sec.apparmor)
        return sec.apparmor;
    return h->privileged || !l->profile ? UNCONFINED : l->profile;
}
