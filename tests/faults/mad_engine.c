/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mad_engine KEEPER BUSYBOX SECONDS SEED: an engine gone mad. It connects again and again and sends
 * messages of every type with wrong sizes, counts, ids, roles, flags and programs, with descriptors
 * of every kind and in every order, also half of what it should and then hangs up, and reads none
 * of the answers or only some. In between a sane one looks whether the keeper starts a process in
 * time; at the end whether it has kept anything. Prints TAP.
 */
#include "../system/keeper_client.h"

#include "wire/land.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int n_tests, n_failed;
static const char *exec_root, *busybox;
static pid_t keeper;

static void check(bool is_good, const char *what, long number)
{
    printf("%sok %d - %s (%ld)\n", is_good ? "" : "not ", ++n_tests, what, number);
    n_failed += !is_good;
    fflush(stdout);
}

static unsigned pick(unsigned n)
{
    return (unsigned)rand() % n;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long count(const char *path)
{
    DIR *d = opendir(path);
    long n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static long keeper_fds(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd", keeper);
    return count(path);
}

static long keeper_children(void)
{
    char path[64], text[65536] = "";
    long n = 0;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", keeper, keeper);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        return -1;
    close(fd);
    for (const char *at = text; *at; at++)
        n += *at == ' ';
    return n;
}

/* ---- descriptors ---- */

static int memory(size_t size, bool is_program)
{
    int fd = memfd_create("mad", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char bytes[4096];
    struct program_header h = {PROGRAM_MAGIC, PROGRAM_VERSION, (uint16_t)pick(4),
                               (uint32_t)(pick(3) ? size : pick(1u << 31)), pick(8)};

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)pick(pick(2) ? 256 : 40);
    if (is_program)
        memcpy(bytes, &h, sizeof(h));
    (void)!write(fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
    (void)!ftruncate(fd, (off_t)size);
    return fd;
}

static int some_fd(void)
{
    int two[2] = {-1, -1};

    switch (pick(12)) {
    case 0:
        return open("/dev/zero", O_RDWR | O_CLOEXEC);
    case 1:
        return open("/", O_RDONLY | O_CLOEXEC);
    case 2:
        return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    case 3:
        return eventfd(pick(2), EFD_CLOEXEC);
    case 4:
        return epoll_create1(EPOLL_CLOEXEC);
    case 5:
        return (int)syscall(SYS_pidfd_open, pick(2) ? getpid() : keeper, 0);
    case 6:
        return memory(pick(70000), false);
    case 7:
        return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    case 8:
        return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    case 9:
        return open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    default: /* a pipe that blocks, with something in it or not */
        if (pipe2(two, O_CLOEXEC))
            return -1;
        if (pick(2))
            (void)!write(two[1], "mad", 3);
        close(two[1]);
        return two[0];
    }
}

/* ---- messages ---- */

static const unsigned types[] = {KM_HELLO,    KM_SPAWN,  KM_ACK,  KM_CLOSE,   KM_HOLD,  KM_UNHOLD,
                                 KM_ATTACHED, KM_CANCEL, KM_LAND, KM_UPGRADE, KM_ADOPT, KM_ENTRY};

static size_t size_of(unsigned type)
{
    switch (type) {
    case KM_HELLO:
        return sizeof(struct keeper_hello);
    case KM_SPAWN:
        return sizeof(struct keeper_spawn);
    case KM_LAND:
        return sizeof(struct keeper_head);
    case KM_UPGRADE:
        return sizeof(struct keeper_upgrade);
    case KM_ADOPT:
    case KM_ENTRY:
        return sizeof(struct keeper_entry);
    default:
        return sizeof(struct keeper_ref);
    }
}

static void name(char id[KEEPER_ID_MAX])
{
    snprintf(id, KEEPER_ID_MAX, "mad-%u%s", pick(5), pick(2) ? "" : pick(2) ? "/exec" : "/../x");
    if (!pick(50))
        memset(id, 'a', KEEPER_ID_MAX);
}

/* Mostly what passes the checks: behind them it becomes interesting. Returns how many fds. */
static unsigned fill(unsigned type, char *m)
{
    struct keeper_spawn *s = (void *)m;
    struct keeper_ref *ref = (void *)m;
    struct keeper_entry *e = (void *)m;

    if (type == KM_SPAWN) {
        name(s->id);
        s->cgroup_fd = pick(3) ? -1 : (int)pick(4) - 1;
        s->n_fds = pick(5);
        s->n_holds = pick(4);
        s->flags = pick(3) ? pick(2) : pick(4);
        s->clone_flags = pick(2) ? 0 : pick(2) ? 0x7c020000 : (uint64_t)pick(1u << 31);
        for (unsigned i = 0; i < KEEPER_HOLDS_MAX; i++)
            s->roles[i] = (uint8_t)(pick(6) ? i % (ROLE_COUNT - 1) + 1 : pick(12));
        return 1 + s->n_fds + s->n_holds;
    }
    if (type == KM_ADOPT || type == KM_ENTRY) {
        name(e->id);
        e->pid = pick(4) ? (int)pick(40000) : keeper;
        e->n_holds = pick(3);
        e->roles[0] = ROLE_STDOUT;
        e->roles[1] = pick(5) ? ROLE_PTY : ROLE_STDOUT;
        return 1 + e->n_holds;
    }
    if (type == KM_LAND)
        return LAND_FDS;
    if (type == KM_UPGRADE)
        return 1;
    if (type != KM_HELLO) {
        name(ref->id);
        ref->pid = pick(3) ? 0 : (int)pick(40000);
        ref->role = pick(ROLE_COUNT + 1);
    }
    return type == KM_HOLD ? 1 + pick(8) : 0;
}

static void send_one(int link)
{
    union {
        struct keeper_head head;
        char bytes[KEEPER_MSG_MAX + 200];
    } m;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control;
    unsigned type = types[pick(sizeof(types) / sizeof(types[0]))], n;
    size_t size = size_of(type);
    struct iovec part = {&m, size};
    struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1};
    int fds[253];

    memset(&m, 0, sizeof(m));
    if (!pick(20))
        for (size_t i = 0; i < sizeof(m); i++)
            m.bytes[i] = (char)pick(256);
    n = fill(type, m.bytes);
    if (!pick(30))
        n = pick(253);
    if (!pick(30))
        size = part.iov_len = 1 + pick(sizeof(m) - 1);
    m.head = (struct keeper_head){type, (uint32_t)(pick(40) ? size : pick(3000)), pick(9)};
    for (unsigned i = 0; i < n; i++)
        fds[i] = !i && type == KM_SPAWN ? memory(64 + pick(5000), pick(4)) : some_fd();
    for (unsigned i = 0; i < n; i++)
        if (fds[i] < 0)
            fds[i] = dup(0);
    if (n) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof(control));
        h.msg_control = control.bytes;
        h.msg_controllen = CMSG_SPACE(n * sizeof(int));
        c = CMSG_FIRSTHDR(&h);
        *c = (struct cmsghdr){CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    sendmsg(link, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
}

static bool say_hello(int link)
{
    struct keeper_hello m = {{KM_HELLO, sizeof(m), 1}, KEEPER_VERSION, (uint32_t)getpid(), "mad"};

    return send(link, &m, sizeof(m), MSG_NOSIGNAL) > 0;
}

/* A landing memory that looks right, and is cut off when the keeper has it. */
static void send_short_memory(int link)
{
    struct keeper_head m = {KM_LAND, sizeof(m), 3};
    struct land l;
    struct stat st;
    int fd = memfd_create("mad", MFD_CLOEXEC);

    if (land_create(&l) || fstat(l.fds[0], &st) || ftruncate(fd, st.st_size))
        return;
    (void)!write(fd, l.map, 4096);
    dup3(fd, l.fds[0], O_CLOEXEC);
    close(fd);
    client_send(link, &m, sizeof(m), l.fds, LAND_FDS);
    usleep(2000);
    (void)!ftruncate(l.fds[0], 0);
    l.map = NULL; /* leaked, or it would have to be unmapped by its size */
    land_close(&l);
}

static void be_mad(void)
{
    int link = client_connect(exec_root);
    struct reply r;

    if (link < 0)
        return;
    if (pick(20))
        say_hello(link);
    if (!pick(40) && say_hello(link))
        send_short_memory(link);
    for (unsigned i = pick(60); i; i--) {
        send_one(link);
        if (!pick(3) && client_receive(link, &r, 0))
            reply_close(&r);
    }
    close(link);
}

/* ---- the sane one ---- */

static int sane_link(void)
{
    struct reply r;

    for (int i = 0; i < 200; i++) { /* the last one's end of file may not have been seen yet */
        int link = client_connect(exec_root);

        if (link >= 0 && say_hello(link) && client_await(link, KM_ENTRIES_END, &r))
            return link;
        if (link >= 0)
            close(link);
        usleep(5000);
    }
    return -1;
}

static long start_ms(void)
{
    const char *argv[] = {busybox, "true", NULL}, *env[] = {NULL};
    int64_t begun = now_ms();
    int link = sane_link();
    struct reply r;
    struct job j;

    if (link < 0)
        return -1;
    job_init(&j);
    job_strings(&j, P_ENV, env);
    job_strings(&j, P_EXEC, argv);
    client_spawn(link, &j, "sane", 77);
    if (!client_await(link, KM_SPAWN_FAILED, &r) && !r.head.type) /* /bin is not in the burrow */
        begun = 0;
    job_finish(&j);
    close(link);
    return begun ? (long)(now_ms() - begun) : -1;
}

/* Lets go of all that a keeper tells of. */
static void clear(void)
{
    int link = client_connect(exec_root);
    struct reply r;

    if (link < 0)
        return;
    say_hello(link);
    while (client_receive(link, &r, 200)) {
        if (r.head.type == KM_ENTRY && r.entry.state == KEEPER_HOLDING)
            client_ref(link, KM_UNHOLD, r.entry.id, 0, 0, NULL, 0);
        else if (r.head.type == KM_ENTRY || r.head.type == KM_EXITED)
            client_ref(link, KM_ACK, r.entry.id, r.entry.pid, 0, NULL, 0);
        reply_close(&r);
    }
    close(link);
}

int main(int argc, char **argv)
{
    char root[] = "/tmp/berth-mad.XXXXXX";
    long fds, worst = 0, rounds = 0;
    int64_t end;

    if (argc < 5 || !mkdtemp(root))
        return 2;
    exec_root = root;
    busybox = argv[2];
    srand((unsigned)strtol(argv[4], NULL, 10));
    keeper = keeper_start(argv[1], root);
    start_ms();
    fds = keeper_fds();
    end = now_ms() + strtol(argv[3], NULL, 10) * 1000;
    for (; now_ms() < end && !kill(keeper, 0); rounds++) {
        long ms;

        be_mad();
        if (rounds % 10)
            continue;
        ms = start_ms();
        if (ms < 0 || ms > worst)
            worst = ms < 0 ? 100000 : ms;
    }
    check(!waitpid(keeper, NULL, WNOHANG), "the keeper lives, after so many rounds", rounds);
    check(worst < 1500, "and has done a sane engine's work in time, ms at worst", worst);
    for (int i = 0; i < 20 && (keeper_fds() > fds || keeper_children() > 0); i++)
        clear();
    check(keeper_fds() <= fds, "it holds nothing that it was let go of, descriptors", keeper_fds());
    check(keeper_children() == 0, "nor children", keeper_children());
    kill(keeper, SIGKILL);
    waitpid(keeper, NULL, 0);
    printf("1..%d\n", n_tests);
    return n_failed != 0;
}
