/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth-keeper EXEC_ROOT: the parent of every container. Start-up in a fixed order (nothing
 * of the host may stay open behind the new mount namespace), then one epoll loop. It ends by
 * itself when it has nothing to keep and nobody to talk to. stdout is closed (and so a pipe
 * there reads end of file) when an engine can connect.
 */
#include "keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/own_user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IDLE_NS (2 * NS_PER_S)
#define NEVER_CONNECTED_NS (30 * NS_PER_S)
enum { EVENTS_PER_TURN = 64, OOM_SCORE = -900 };

int fd_raise(int fd)
{
    int high, sys;

    if (fd < 0 || fd >= FD_HIGH)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH);
    sys = errno;
    close(fd);
    errno = sys;
    return high;
}

/* An event names its entry by slot and generation: a late one finds nobody, not a successor. */
bool keeper_watch(struct keeper *k, int fd, uint32_t events, enum watch_kind kind,
                  const struct entry *e)
{
    uint64_t who = (uint64_t)kind << 60;
    struct epoll_event event = {.events = events};

    if (e)
        who |= (uint64_t)e->generation << 32 | e->slot;
    event.data.u64 = who;
    return !epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &event);
}

void keeper_unwatch(struct keeper *k, int fd)
{
    epoll_ctl(k->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static bool complain(const char *what)
{
    log_error("keeper cannot start", KV("what", what), KV("error", strerror(errno)));
    return false;
}

/* Every signal blocked and default: a child then only has to unblock. */
static void tame_signals(void)
{
    static const char by_default[64]; /* a zeroed kernel_sigaction is SIG_DFL */
    uint64_t all = ~0ULL;

    /* Raw: glibc refuses the two signals it uses itself, which may be inherited ignored. */
    for (int sig = 1; sig < NSIG; sig++)
        syscall(SYS_rt_sigaction, sig, &by_default, NULL, sizeof(all));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
}

bool keeper_open_own_fds(struct keeper *k)
{
    int ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigset_t wanted;

    if (ready < 0 || (ready != FD_READY && dup3(ready, FD_READY, O_CLOEXEC) < 0))
        return complain("make an eventfd");
    if (ready != FD_READY)
        close(ready);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    k->signals = fd_raise(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    k->children = fd_raise(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    k->epoll = fd_raise(own_user_epoll());
    if (k->signals < 0 || k->children < 0 || k->epoll < 0)
        return complain("make epoll");
    /* The payload of an exec is first the child of its helper, which then ends. */
    return prctl(PR_SET_CHILD_SUBREAPER, 1) ? complain("become a subreaper") : true;
}

bool keeper_watch_signals(struct keeper *k)
{
    return keeper_watch(k, k->signals, EPOLLIN, WATCH_SIGNALS, NULL) &&
           keeper_watch(k, k->children, EPOLLIN | EPOLLONESHOT, WATCH_CHILDREN, NULL);
}

static void raise_limits(struct keeper *k)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    k->old_nofile.soft = limit.rlim_cur;
    k->old_nofile.hard = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* The kernel would rather kill an innocent container; only root may ask for that. */
static void protect_from_oom(struct keeper *k)
{
    char text[16] = "";
    int fd = openat(k->procfs, "self/oom_score_adj", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    if (read(fd, text, sizeof(text) - 1) > 0) {
        int n;

        k->old_oom_score = (int)strtol(text, NULL, 10);
        n = snprintf(text, sizeof(text), "%d", OOM_SCORE);
        k->has_own_oom_score = pwrite(fd, text, (size_t)n, 0) == n;
    }
    close(fd);
}

/* A P_INIT that stays in a container shows the keeper's arguments: no host path in them. */
static void hide_arguments(struct keeper *k, int argc, char **argv)
{
    char *end = argv[argc - 1] + strlen(argv[argc - 1]);

    k->cmdline = argv[0];
    k->cmdline_size = (size_t)(end - argv[0]);
    memset(k->cmdline, 0, k->cmdline_size);
    strncpy(k->cmdline, "berth-keeper", k->cmdline_size);
    prctl(PR_SET_NAME, "berth-keeper");
}

/* /dev/null of its own: whatever started the engine must not be kept open by a process that lives
 * for months. */
static void leave_stdio(int null)
{
    dup2(null, 0);
    dup2(null, 1);
    if (!getenv("BERTH_KEEPER_LOG"))
        dup2(null, 2);
    if (null > 2)
        close(null);
}

static void set_log_level(void)
{
    const char *text = getenv("BERTH_KEEPER_LOG");
    enum log_level level;

    if (text && log_level_from_text(text, &level))
        log_set_level(level);
}

static bool begin(struct keeper *k, const char *exec_root)
{
    int null = -1;

    umask(022);
    setsid();
    set_log_level();
    tame_signals();
    raise_limits(k);
    close_range(3, ~0U, 0);
    if (!keeper_open_own_fds(k) || !table_init(&k->table))
        return complain("get what it needs");
    if (!burrow_enter_namespace(exec_root) || !home_claim(k) || !drain_init(k) || !home_listen(k) ||
        !burrow_dig(k, &null))
        return false;
    protect_from_oom(k);
    prctl(PR_SET_DUMPABLE, 0);
    if (!keeper_watch(k, k->listener, EPOLLIN, WATCH_LISTENER, NULL) || !keeper_watch_signals(k))
        return complain("watch the socket");
    if (!home_announce(k))
        return false;
    leave_stdio(null);
    k->idle_since_ns = clock_boot_ns();
    return true;
}

/* SIGTERM of an operator or of a service manager: with containers the keeper stays, or all of them
 * would lose their parent. */
static void on_signal(struct keeper *k)
{
    struct signalfd_siginfo info;

    if (read(k->signals, &info, sizeof(info)) != sizeof(info))
        return;
    if (k->table.n_used)
        log_warn("not ending: it has containers", KV_INT("entries", k->table.n_used));
    else
        k->is_ending = true;
}

/* The generation in the event says whether the entry is still the one that was watched. */
static void on_entry_event(struct keeper *k, enum watch_kind kind, uint64_t who)
{
    struct entry *e = entry_at(&k->table, (uint32_t)who, (uint32_t)(who >> 32) & 0xfffffff);

    if (!e)
        return;
    if (kind == WATCH_PIDFD && e->state != KEEPER_EXITED)
        reap_entry(k, e);
    else if (kind == WATCH_HELPER && e->helper_fd >= 0)
        reap_helper(k, e);
    else if (kind == WATCH_STATUS)
        settle_entry(k, e);
}

static void on_output_event(struct keeper *k, enum watch_kind kind, uint64_t who)
{
    struct entry *e = entry_at(&k->table, (uint32_t)who, (uint32_t)(who >> 32) & 0xfffffff);

    if (e && k->is_draining)
        drain_output(k, e, kind - WATCH_OUTPUT);
}

static void on_event(struct keeper *k, const struct epoll_event *event)
{
    enum watch_kind kind = (enum watch_kind)(event->data.u64 >> 60);

    if (kind == WATCH_LISTENER)
        engine_conn_accept(k);
    else if (kind == WATCH_SIGNALS)
        on_signal(k);
    else if (kind == WATCH_CHILDREN)
        reap_schedule(k);
    else if (kind == WATCH_ENGINE)
        engine_conn_receive(k);
    else if (kind >= WATCH_OUTPUT)
        on_output_event(k, kind, event->data.u64);
    else
        on_entry_event(k, kind, event->data.u64);
}

/* Without entries and without an engine nobody would miss it. */
static bool is_idle(const struct keeper *k)
{
    return !k->table.n_used && k->engine.fd < 0;
}

static int64_t idle_end_ns(const struct keeper *k)
{
    return k->idle_since_ns + (k->had_engine ? IDLE_NS : NEVER_CONNECTED_NS);
}

static int timeout_ms(const struct keeper *k)
{
    int64_t until = INT64_MAX, left;

    if (is_idle(k))
        until = idle_end_ns(k);
    if (k->sweep_at_ns && k->sweep_at_ns < until)
        until = k->sweep_at_ns;
    if (k->must_retry && k->retry_at_ns < until)
        until = k->retry_at_ns;
    if (until == INT64_MAX)
        return -1;
    left = until - clock_boot_ns();
    return left <= 0 ? 0 : (int)(left / NS_PER_MS) + 1;
}

static void run(struct keeper *k)
{
    struct epoll_event events[EVENTS_PER_TURN];

    while (!k->is_ending) {
        int n = epoll_wait(k->epoll, events, EVENTS_PER_TURN, timeout_ms(k));
        int64_t now;

        for (int i = 0; i < n; i++)
            on_event(k, &events[i]);
        now = clock_boot_ns();
        if (k->sweep_at_ns && now >= k->sweep_at_ns)
            reap_strangers(k);
        if (k->must_retry && now >= k->retry_at_ns)
            drain_retry(k);
        engine_conn_flush(k); /* behind all that may owe: nothing else wakes us for it */
        if (k->upgrade_fd >= 0 && k->is_draining)
            upgrade_forget(k); /* who asked is gone, and its outputs are in our hands */
        if (k->upgrade_fd >= 0)
            upgrade_run(k);
        if (is_idle(k) && now >= idle_end_ns(k))
            k->is_ending = true;
    }
}

/* After an upgrade: signal mask and umask survive an execve (execve(2)), the "dumpable" attribute
 * does not. */
static bool go_on(struct keeper *k, int state)
{
    set_log_level();
    tame_signals();
    umask(022);
    prctl(PR_SET_DUMPABLE, 0);
    if (!table_init(&k->table) || !state_restore(k, state))
        return complain("take over from the old image");
    close(state);
    return true;
}

static int usage(void)
{
    fprintf(stderr, "usage: berth-keeper EXEC_ROOT [BUILD]\n"
                    "It is started by berthd; see 'berth-keeper --help'.\n");
    return 2;
}

static int help(void)
{
    puts(
        "Usage:  berth-keeper EXEC_ROOT [BUILD]\n\n"
        "The parent of all containers of one engine. berthd starts it, and starts it again when "
        "it\n"
        "has ended; nobody else needs to. It holds the containers' processes, streams and ports\n"
        "while berthd is restarted or upgraded, and remembers how they exit. To end it is to lose\n"
        "exit codes, not containers.\n\n"
        "EXEC_ROOT is the engine's --exec-root (default \"/run/berth\"), where its socket is.");
    return 0;
}

static bool is_unknown_flag(const char *word)
{
    return word[0] == '-' && strcmp(word, "--probe") != 0 && strcmp(word, "--restore") != 0;
}

/* "--probe FD": can this image go on from such a state? "--restore FD": it shall. */
int main(int argc, char **argv)
{
    static struct keeper keeper = {.engine.fd = -1, .upgrade_fd = -1, .build = BERTH_VERSION};
    char first[4096];
    int state = -1;

    if (argc == 4 && !strcmp(argv[1], "--userns"))
        return userns_main(argv[2], argv[3]);
    if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
        return help();
    if (argc == 2 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v"))) {
        puts("berth-keeper version " BERTH_VERSION);
        return 0;
    }
    if (argc < 2 || argc > 3 || is_unknown_flag(argv[1]) || strlen(argv[1]) >= sizeof(first))
        return usage();
    if (argc == 3 && (!strcmp(argv[1], "--probe") || !strcmp(argv[1], "--restore")))
        state = (int)strtol(argv[2], NULL, 10);
    else if (argc == 3)
        strncpy(keeper.build, argv[2], sizeof(keeper.build) - 1);
    if (!strcmp(argv[1], "--probe"))
        return state_is_good(state) ? 0 : 1;
    snprintf(first, sizeof(first), "%s", argv[1]);
    hide_arguments(&keeper, argc, argv);
    list_init(&keeper.listing);
    list_init(&keeper.owing);
    list_init(&keeper.helpers);
    if (!(state < 0 ? begin(&keeper, first) : go_on(&keeper, state)))
        return 1;
    log_info(state < 0 ? "keeper started" : "keeper upgraded", KV("build", keeper.build),
             KV_INT("pid", getpid()), KV_INT("entries", keeper.table.n_used));
    run(&keeper);
    home_leave(&keeper);
    return 0;
}
