/* SPDX-License-Identifier: Apache-2.0 */
/* links: base core */
/* The loop's posts, timers and watches, and the worker pools. */
#include "core/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#include "pools_inner.h"
#include "test.h"

static struct loop *loop;

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void on_stop_timer(struct timer *t)
{
    (void)t;
    loop_stop(loop);
}

static void run_for_ms(int ms)
{
    struct timer t = {0};

    timer_set(loop, &t, ms, on_stop_timer);
    loop_run(loop);
    timer_clear(loop, &t);
}

/* ---- posts ---- */

#define POSTERS 4
#define POSTS 2000

struct posted {
    int poster, number;
};
static int next_number[POSTERS];
static int n_posted;

static void on_posted(void *arg)
{
    struct posted *p = arg;

    CHECK(loop_is_current());
    CHECK_INT(p->number, next_number[p->poster]++);
    free(p);
    if (++n_posted == POSTERS * POSTS)
        loop_stop(loop);
}

static void *post_many(void *arg)
{
    CHECK(!loop_is_current());
    for (int i = 0; i < POSTS; i++) {
        struct posted *p = mem_new(struct posted);

        p->poster = *(int *)arg;
        p->number = i;
        loop_post(loop, on_posted, p);
    }
    return NULL;
}

TEST(posts_of_many_threads_arrive_in_order)
{
    pthread_t threads[POSTERS];
    int numbers[POSTERS];

    loop = loop_create();
    for (int i = 0; i < POSTERS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, post_many, &numbers[i]) == 0);
    }
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(n_posted, POSTERS * POSTS);
    loop_destroy(loop);
}

static char order[16];

static void note(void *arg)
{
    size_t n = strlen(order);

    snprintf(order + n, sizeof(order) - n, "%s", (const char *)arg);
}

static void post_again(void *arg)
{
    note(arg);
    loop_post(loop, note, "c");
    loop_post(loop, stop, NULL);
}

TEST(a_post_of_a_post_runs_after_its_round)
{
    loop = loop_create();
    loop_post(loop, post_again, "a");
    loop_post(loop, note, "b");
    loop_run(loop);
    CHECK_STR(order, "abc");
    loop_destroy(loop);
}

TEST(destroying_the_loop_runs_what_was_posted)
{
    loop = loop_create();
    loop_post(loop, post_again, "a");
    loop_destroy(loop);
    CHECK_STR(order, "ac");
    CHECK(!loop_is_current());
}

/* ---- timers ---- */

#define TIMERS 500

static struct timer timers[TIMERS];
static int64_t last_due_ns;
static int n_fired;

static void on_timer(struct timer *t)
{
    int at = (int)(t - timers);

    CHECK(at % 3 != 0);
    CHECK_INT(t->due_ns, 0);
    CHECK(clock_boot_ns() >= last_due_ns);
    n_fired++;
}

TEST(timers_fire_in_order_and_cleared_ones_do_not)
{
    uint32_t seed = 7;
    int n_left = 0;

    loop = loop_create();
    for (int i = 0; i < TIMERS; i++) {
        seed = seed * 1664525 + 1013904223;
        timer_set(loop, &timers[i], (seed >> 16) % 60, on_timer);
    }
    for (int i = 0; i < TIMERS; i++) {
        if (i % 3 == 0)
            timer_clear(loop, &timers[i]);
        else if (i % 3 == 1)
            timer_set(loop, &timers[i], 10 + i % 50, on_timer);
        n_left += i % 3 != 0;
    }
    run_for_ms(80);
    CHECK_INT(n_fired, n_left);
    for (int i = 0; i < TIMERS; i++)
        timer_clear(loop, &timers[i]);
    loop_destroy(loop);
}

static struct timer early, late;

static void on_early(struct timer *t)
{
    (void)t;
    note("e");
    timer_clear(loop, &late);
    if (strlen(order) < 3)
        timer_set(loop, &early, 0, on_early);
}

static void on_late(struct timer *t)
{
    (void)t;
    note("l");
}

TEST(a_timer_may_set_itself_and_clear_another_when_it_fires)
{
    loop = loop_create();
    timer_set(loop, &late, 1, on_late);
    timer_set(loop, &early, 500, on_late);
    timer_set(loop, &early, 0, on_early); /* moved */
    run_for_ms(20);
    CHECK_STR(order, "eee");
    loop_destroy(loop);
}

/* ---- watches ---- */

static int n_ready, ready_events;
static struct watch *watch;

static void on_ready(void *arg, int events)
{
    char c;

    n_ready++;
    ready_events = events;
    CHECK_INT(read(*(int *)arg, &c, 1), 1);
    loop_stop(loop);
}

/* In place of libc's, for libuv too: a kernel that has no room for a watch more. */
static bool is_full;

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    if (is_full && op == EPOLL_CTL_ADD) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
}

TEST(watch_waits_for_room_in_the_kernel)
{
    int fds[2], more[2];
    struct watch *closed;

    loop = loop_create();
    CHECK_OK(fd_pipe(fds, 0));
    CHECK_OK(fd_pipe(more, 0));
    watch = watch_open(loop, fds[0], UV_READABLE, on_ready, &fds[0]);
    CHECK(write(fds[1], "a", 1) == 1);
    loop_run(loop);
    CHECK_INT(n_ready, 1);
    watch_set(watch, 0);
    is_full = true;
    watch_set(watch, UV_READABLE); /* known to libuv, refused by the kernel */
    closed = watch_open(loop, more[0], UV_READABLE, on_ready, &more[0]);
    CHECK(fcntl(more[0], F_GETFL) & O_NONBLOCK);
    watch_set(closed, 0);
    watch_set(closed, UV_READABLE);
    CHECK(write(fds[1], "b", 1) == 1);
    run_for_ms(150);
    CHECK_INT(n_ready, 1);
    watch_close(closed); /* while it is refused */
    is_full = false;
    closed = watch_open(loop, more[0], UV_READABLE, on_ready, &more[0]);
    loop_run(loop);
    CHECK_INT(n_ready, 2);
    CHECK(write(more[1], "c", 1) == 1);
    loop_run(loop);
    CHECK_INT(n_ready, 3);
    watch_close(closed);
    watch_close(watch);
    loop_destroy(loop);
}

TEST(watch_reports_pauses_and_detaches)
{
    int fds[2], again[2];

    loop = loop_create();
    CHECK_OK(fd_pipe(fds, 0));
    watch = watch_open(loop, fds[0], UV_READABLE, on_ready, &fds[0]);
    CHECK(write(fds[1], "abc", 3) == 3);
    loop_run(loop);
    CHECK_INT(n_ready, 1);
    CHECK_INT(ready_events, UV_READABLE);
    watch_set(watch, 0);
    run_for_ms(5);
    CHECK_INT(n_ready, 1);
    watch_set(watch, UV_READABLE);
    loop_run(loop);
    CHECK_INT(n_ready, 2);
    watch_close(watch);
    close(fds[0]);
    /* The number comes back at once, for another pipe. */
    CHECK_OK(fd_pipe(again, 0));
    CHECK_INT(again[0], fds[0]);
    watch = watch_open(loop, again[0], UV_READABLE, on_ready, &again[0]);
    run_for_ms(5);
    CHECK_INT(n_ready, 2);
    CHECK(write(again[1], "x", 1) == 1);
    loop_run(loop);
    CHECK_INT(n_ready, 3);
    watch_close(watch);
    close(fds[1]);
    close(again[0]);
    close(again[1]);
    loop_destroy(loop);
}

/* ---- timers beside watches ---- */

static int n_turns;
static int busy_fds[2];

static void busy_begin(void)
{
    loop = loop_create();
    n_turns = 0;
    CHECK_OK(fd_pipe(busy_fds, 0));
    CHECK_INT(write(busy_fds[1], "x", 1), 1);
    watch = watch_open(loop, busy_fds[0], UV_READABLE, on_ready, &busy_fds[0]);
}

static void busy_end(void)
{
    watch_close(watch);
    close(busy_fds[0]);
    close(busy_fds[1]);
    loop_destroy(loop);
}

static void on_restless(struct timer *t)
{
    if (++n_turns < 1000)
        timer_set(loop, t, 0, on_restless);
}

TEST(a_timer_that_always_sets_itself_does_not_keep_the_loop_from_its_fds)
{
    static struct timer restless;

    busy_begin();
    timer_set(loop, &restless, 0, on_restless);
    loop_run(loop); /* until the pipe is read */
    CHECK(n_turns < 10);
    run_for_ms(100);
    CHECK_INT(n_turns, 1000);
    busy_end();
}

static void on_slow(struct timer *t)
{
    int64_t end = clock_boot_ns() + NS_PER_MS / 2;

    (void)t;
    while (clock_boot_ns() < end)
        continue;
    n_turns++;
}

TEST(timers_that_are_due_at_once_fire_a_few_a_round)
{
    static struct timer slow[50];

    busy_begin();
    for (int i = 0; i < 50; i++)
        timer_set(loop, &slow[i], 0, on_slow);
    loop_run(loop);
    CHECK(n_turns < 10);
    run_for_ms(500);
    CHECK_INT(n_turns, 50);
    busy_end();
}

static struct watch *both[2];

static void on_first_of_two(void *arg, int events)
{
    (void)arg, (void)events;
    n_ready++;
    watch_close(both[0]);
    watch_close(both[1]);
    loop_stop(loop);
}

TEST(a_watch_closed_by_another_is_not_called)
{
    int a[2], b[2];

    loop = loop_create();
    CHECK_OK(fd_pipe(a, 0));
    CHECK_OK(fd_pipe(b, 0));
    both[0] = watch_open(loop, a[0], UV_READABLE, on_first_of_two, NULL);
    both[1] = watch_open(loop, b[0], UV_READABLE, on_first_of_two, NULL);
    CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    loop_run(loop);
    run_for_ms(5);
    CHECK_INT(n_ready, 1);
    loop_destroy(loop);
}

static void on_broken(void *arg, int events)
{
    (void)arg;
    n_ready++;
    ready_events = events;
    if (n_ready == 2) /* level-triggered: told again until we act */
        loop_stop(loop);
}

TEST(a_pipe_without_readers_is_reported_as_what_is_watched)
{
    char room[4096] = {0};
    int fds[2];

    loop = loop_create();
    CHECK_OK(fd_pipe(fds, O_NONBLOCK));
    while (write(fds[1], room, sizeof(room)) > 0)
        continue;
    watch = watch_open(loop, fds[1], UV_WRITABLE, on_broken, NULL);
    close(fds[0]);
    loop_run(loop);
    CHECK_INT(ready_events, UV_WRITABLE);
    watch_close(watch);
    close(fds[1]);
    loop_destroy(loop);
}

static void on_hangup(void *arg, int events)
{
    (void)arg;
    ready_events = events;
    loop_stop(loop);
}

TEST(disconnect_is_seen_without_reading)
{
    int fds[2];

    loop = loop_create();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    watch = watch_open(loop, fds[0], UV_DISCONNECT, on_hangup, NULL);
    close(fds[1]);
    loop_run(loop);
    CHECK(ready_events & UV_DISCONNECT);
    watch_close(watch);
    close(fds[0]);
    loop_destroy(loop);
}

TEST(two_watches_of_one_fd_are_a_bug)
{
    int fds[2], status;
    pid_t pid;

    loop = loop_create();
    CHECK_OK(fd_pipe(fds, 0));
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO); /* its last words are nothing for the log of this run */
        watch_open(loop, fds[0], UV_READABLE, on_ready, &fds[0]);
        watch_open(loop, fds[0], UV_READABLE, on_ready, &fds[0]);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    loop_destroy(loop);
}

/* ---- pools ---- */

struct count_job {
    struct job job;
    bool was_on_worker, has_run;
};
static int n_jobs_done, n_jobs_wanted;

static void run_count(struct job *job)
{
    struct count_job *c = container_of(job, struct count_job, job);

    c->has_run = true;
    c->was_on_worker = worker_is_current() && !loop_is_current();
}

static void on_count_done(struct job *job)
{
    struct count_job *c = container_of(job, struct count_job, job);

    CHECK(c->has_run && c->was_on_worker);
    CHECK(loop_is_current() && !worker_is_current());
    if (++n_jobs_done == n_jobs_wanted)
        loop_stop(loop);
}

static struct count_job many_jobs[3000];

TEST(pool_runs_each_job_once_on_a_worker)
{
    struct pools *p;

    loop = loop_create();
    p = pools_create(loop, 3, 2);
    n_jobs_wanted = ARRAY_LEN(many_jobs);
    for (int i = 0; i < n_jobs_wanted; i++) {
        many_jobs[i].job.run = run_count;
        many_jobs[i].job.done = on_count_done;
        pool_submit(p, i % 2 ? POOL_KERNEL : POOL_DISK, &many_jobs[i].job);
    }
    loop_run(loop);
    CHECK_INT(n_jobs_done, n_jobs_wanted);
    CHECK(pools_count_threads(p, POOL_KERNEL) <= 3);
    CHECK(pools_count_threads(p, POOL_DISK) <= 2);
    pools_destroy(p);
    loop_destroy(loop);
}

static struct pools *stopped_pools;
static bool was_on_worker;

static void run_follower(struct job *job)
{
    (void)job;
    was_on_worker = worker_is_current();
}

static void on_follower_done(struct job *job)
{
    (void)job;
    n_jobs_done++;
}

static void on_first_done(struct job *job)
{
    job->run = run_follower;
    job->done = on_follower_done;
    n_jobs_done++;
    pool_submit(stopped_pools, POOL_DISK, job);
}

TEST(a_job_that_follows_the_last_one_is_run_too)
{
    static struct job job = {.run = run_follower, .done = on_first_done};

    loop = loop_create();
    stopped_pools = pools_create(loop, 1, 1);
    pool_submit(stopped_pools, POOL_DISK, &job);
    pools_stop(stopped_pools);
    loop_settle(loop);
    CHECK_INT(n_jobs_done, 2);
    CHECK(was_on_worker && !worker_is_current());
    pools_destroy(stopped_pools);
    loop_destroy(loop);
}

TEST(destroying_the_pools_finishes_what_was_submitted)
{
    struct pools *p;

    loop = loop_create();
    p = pools_create(loop, 1, 1);
    n_jobs_wanted = 100;
    for (int i = 0; i < n_jobs_wanted; i++) {
        many_jobs[i].job.run = run_count;
        many_jobs[i].job.done = on_count_done;
        pool_submit(p, POOL_DISK, &many_jobs[i].job);
    }
    pools_destroy(p);
    loop_run(loop);
    CHECK_INT(n_jobs_done, n_jobs_wanted);
    loop_destroy(loop);
}

struct hung_job {
    struct job job;
    sem_t *release;
};

static void run_hung(struct job *job)
{
    sem_wait(container_of(job, struct hung_job, job)->release);
}

static void on_hung_done(struct job *job)
{
    (void)job;
}

TEST(pool_grows_past_hung_jobs_up_to_four_times)
{
    struct hung_job hung[9] = {0};
    struct count_job quick = {.job = {.run = run_count, .done = on_count_done}};
    struct pools *p;
    sem_t release;

    sem_init(&release, 0, 0);
    loop = loop_create();
    p = pools_create(loop, 2, 1);
    pools_set_patience(p, 10, 2, 30000);
    for (size_t i = 0; i < ARRAY_LEN(hung); i++) {
        hung[i] = (struct hung_job){{.run = run_hung, .done = on_hung_done}, &release};
        if (i < 3)
            pool_submit(p, POOL_KERNEL, &hung[i].job);
    }
    CHECK_INT(pools_count_threads(p, POOL_KERNEL), 2);
    n_jobs_wanted = 1;
    pool_submit(p, POOL_KERNEL, &quick.job); /* behind three that hang */
    loop_run(loop);
    CHECK_INT(pools_count_threads(p, POOL_KERNEL), 4);
    for (size_t i = 3; i < ARRAY_LEN(hung); i++)
        pool_submit(p, POOL_KERNEL, &hung[i].job);
    run_for_ms(250);
    CHECK_INT(pools_count_threads(p, POOL_KERNEL), 8);
    for (size_t i = 0; i < ARRAY_LEN(hung); i++)
        sem_post(&release);
    pools_destroy(p);
    loop_destroy(loop);
}

TEST(idle_workers_end_and_come_back)
{
    struct count_job jobs[2] = {{.job = {.run = run_count, .done = on_count_done}},
                                {.job = {.run = run_count, .done = on_count_done}}};
    struct pools *p;

    loop = loop_create();
    p = pools_create(loop, 2, 2);
    pools_set_patience(p, 5000, 1000, 10);
    n_jobs_wanted = 1;
    pool_submit(p, POOL_KERNEL, &jobs[0].job);
    loop_run(loop);
    for (int i = 0; i < 100 && pools_count_threads(p, POOL_KERNEL); i++)
        run_for_ms(10);
    CHECK_INT(pools_count_threads(p, POOL_KERNEL), 0);
    n_jobs_wanted = 2;
    pool_submit(p, POOL_KERNEL, &jobs[1].job);
    loop_run(loop);
    CHECK_INT(n_jobs_done, 2);
    pools_destroy(p);
    loop_destroy(loop);
}

static bool is_signal_blocked;

static void run_look_at_signals(struct job *job)
{
    sigset_t now;

    run_count(job);
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    is_signal_blocked = sigismember(&now, SIGTERM) && sigismember(&now, SIGCHLD);
}

TEST(workers_take_no_signals)
{
    struct count_job job = {.job = {.run = run_look_at_signals, .done = on_count_done}};
    struct pools *p;
    sigset_t now;

    loop = loop_create();
    p = pools_create(loop, 1, 1);
    n_jobs_wanted = 1;
    pool_submit(p, POOL_KERNEL, &job.job);
    loop_run(loop);
    CHECK(is_signal_blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    CHECK(!sigismember(&now, SIGTERM));
    pools_destroy(p);
    loop_destroy(loop);
}
