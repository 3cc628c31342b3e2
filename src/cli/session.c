/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One poll loop: stdin → engine, engine → stdout and stderr, signals, the wait reply.
 * Trap: nothing here may block while something else could move. A blocking write to the engine
 * while it waits for us to read is a deadlock, so both directions have a pending buffer and stop
 * reading at their source while it is not empty.
 * A stdin-only session has no output whose end it could see; the wait reply ends it.
 */
#include "session.h"

#include "base/clock.h"

#include "api.h"
#include "cli.h"
#include "demux.h"
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SIZE (32u << 10)
#define PENDING_MAX (256u << 10)
/* How long output may go on after the exit was reported, counted from its last byte. */
#define LINGER_MS 2000
#define RESIZE_TRIES 10
#define PATIENCE 3 /* signals to end that a person sends until the client itself ends */

struct flows {
    struct session *s;
    struct demux demux;
    struct buf to_engine;
    struct buf to_out[2]; /* stdout, stderr */
    struct buf reply;     /* body of the wait */
    int signal_fd;
    bool stdin_open, stdin_eof_sent, stream_open, wait_open;
};

/* Those that docker passes on to the container; not the ones that are about this process itself,
 * and those that a fault raises. */
static void signals_of_session(const struct session *s, sigset_t *out)
{
    static const int always[] = {SIGWINCH};
    static const int not_ours[] = {SIGCHLD, SIGPIPE, SIGURG,  SIGCONT, SIGTTIN,
                                   SIGTTOU, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
                                   SIGILL,  SIGFPE,  SIGABRT, SIGTRAP, SIGSYS};

    sigemptyset(out);
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        sigaddset(out, always[i]);
    if (!s->proxies_signals)
        return;
    for (int n = 1; n < 32; n++)
        sigaddset(out, n);
    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
        sigdelset(out, not_ours[i]);
}

/* Those that ask for an end: of the container, and at the third one of the client, whatever the
 * engine does. */
static const int enders[] = {SIGINT, SIGTERM};

static volatile sig_atomic_t n_asked; /* handlers and forks need it */
static volatile sig_atomic_t is_noted[32];

static _Noreturn void give_up(void)
{
    static const char text[] = "\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n";
    ssize_t ignored;

    tty_restore();
    ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    _exit(1);
}

/* Until the session runs: what is noted is passed on then. */
static void on_ender(int number)
{
    is_noted[number] = 1;
    if (++n_asked >= PATIENCE)
        give_up();
}

/* Before the container is started: a signal that arrives in between waits for the signalfd instead
 * of killing the client. */
void session_block_signals(const struct session *s)
{
    const struct sigaction act = {.sa_handler = on_ender, .sa_flags = SA_RESTART};
    sigset_t set;

    signals_of_session(s, &set);
    for (size_t i = 0; s->proxies_signals && i < ARRAY_LEN(enders); i++) {
        sigdelset(&set, enders[i]);
        sigaction(enders[i], &act, NULL);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* False: the engine refused, for instance because the process is not there yet. */
static bool resize(const struct session *s)
{
    unsigned rows = 0, columns = 0;
    bool is_done;
    struct err *e;

    if (!s->resize_prefix ||
        (!tty_size(STDOUT_FILENO, &rows, &columns) && !tty_size(STDIN_FILENO, &rows, &columns)))
        return true;
    if (!rows && !columns)
        return true;
    e = api_post(s->cli, NULL, NULL, "%s/resize?h=%u&w=%u", s->resize_prefix, rows, columns);
    is_done = !e;
    err_drop(e);
    return is_done;
}

/* An exec may still be starting when its stream is open: try for a while, as Docker does. */
static void resize_at_start(const struct session *s)
{
    struct timespec pause = {0};

    for (int i = 1; i <= RESIZE_TRIES && !resize(s); i++) {
        pause.tv_nsec = i * 10 * NS_PER_MS;
        nanosleep(&pause, NULL);
    }
}

/* By a process of its own: an engine that does not answer must not keep us from the next signal. */
static void tell_engine(const struct session *s, int number)
{
    const struct sigaction no_zombies = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};
    pid_t child;

    sigaction(SIGCHLD, &no_zombies, NULL);
    child = fork();
    if (child > 0)
        return;
    if (number == SIGWINCH)
        resize(s);
    else
        err_drop(
            api_post(s->cli, NULL, NULL, "/containers/%s/kill?signal=%d", s->container, number));
    if (child == 0)
        _exit(0);
}

/* The container is gone: the signal is ours. */
static void end_by(int number)
{
    const struct sigaction act = {.sa_handler = SIG_DFL};
    sigset_t set;

    tty_restore();
    sigemptyset(&set);
    sigaddset(&set, number);
    sigaction(number, &act, NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

static bool is_ender(int number)
{
    for (size_t i = 0; i < ARRAY_LEN(enders); i++)
        if (enders[i] == number)
            return true;
    return false;
}

static void pass_on(struct flows *f, int number)
{
    struct session *s = f->s;

    if (number == SIGWINCH && !s->has_tty)
        return;
    if (is_ender(number) && s->wait && !f->wait_open)
        end_by(number);
    if (number == SIGWINCH || (s->proxies_signals && s->container))
        tell_engine(s, number);
}

/* signalfd(2): read as data, in order with everything else. */
static void take_signal(struct flows *f)
{
    struct signalfd_siginfo info;

    if (read(f->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (is_ender((int)info.ssi_signo) && ++n_asked >= PATIENCE)
        give_up();
    pass_on(f, (int)info.ssi_signo);
}

static void pass_on_noted(struct flows *f)
{
    for (size_t i = 0; i < ARRAY_LEN(enders); i++) {
        if (!is_noted[enders[i]])
            continue;
        is_noted[enders[i]] = 0;
        pass_on(f, enders[i]);
    }
}

static struct err *add_output(void *ctx, int stream, const char *p, size_t n)
{
    struct flows *f = ctx;

    ASSERT(stream == 1 || stream == 2);
    buf_add(&f->to_out[stream - 1], p, n);
    return NULL;
}

/* A terminal's bytes come as they are, others in Docker's frames. */
static struct err *take_output(struct flows *f)
{
    struct buf b = {0};
    struct err *e = http_conn_read_some(f->s->stream, &b);

    ASSERT(f->stream_open);
    if (!e && f->s->has_tty)
        e = add_output(f, 1, b.data ? b.data : "", b.len);
    else if (!e)
        e = demux_feed(&f->demux, b.data ? b.data : "", b.len, add_output, f);
    buf_finish(&b);
    if (f->s->stream->reply.is_done)
        f->stream_open = false;
    return e;
}

/* EOF of stdin becomes a half-close, once everything before it is sent. */
static void send_eof(struct flows *f)
{
    ASSERT(f->s->stream || !f->stream_open);
    if (f->stdin_open || f->stdin_eof_sent || f->to_engine.len || !f->stream_open)
        return;
    f->stdin_eof_sent = true;
    shutdown(f->s->stream->fd, SHUT_WR);
}

/* Detach keys are sought at a terminal alone; what they leave is sent. */
static void take_stdin(struct flows *f)
{
    unsigned char block[BLOCK_SIZE], kept[DETACH_ROOM(BLOCK_SIZE)];
    ssize_t n = read(STDIN_FILENO, block, sizeof(block));
    size_t n_kept = 0;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0)
        f->stdin_open = false;
    else if (!f->s->has_tty)
        buf_add(&f->to_engine, block, (size_t)n);
    else
        f->s->was_detached = detach_keys_scan(&f->s->detach, block, (size_t)n, kept, &n_kept);
    buf_add(&f->to_engine, kept, n_kept);
}

static void flush_to_engine(struct flows *f)
{
    ssize_t n =
        send(f->s->stream->fd, f->to_engine.data, f->to_engine.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    ASSERT(f->to_engine.len && f->stream_open);
    if (n > 0) {
        buf_drop_front(&f->to_engine, (size_t)n);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        /* the process no longer takes input; its output goes on */
        buf_finish(&f->to_engine);
        f->stdin_open = false;
        f->stdin_eof_sent = true;
    }
}

/* Whoever read our output has gone: end as any program in a pipeline does, without a word. */
static void die_of_pipe(void)
{
    const struct sigaction act = {.sa_handler = SIG_DFL};

    tty_restore();
    sigaction(SIGPIPE, &act, NULL);
    raise(SIGPIPE);
}

/* A pipe that polls writable takes PIPE_BUF bytes without blocking. */
static struct err *flush_out(struct flows *f, int index)
{
    struct buf *b = &f->to_out[index];
    size_t n = b->len < 4096 ? b->len : 4096;
    ssize_t written = write(index ? STDERR_FILENO : STDOUT_FILENO, b->data, n);

    ASSERT(index == 0 || index == 1);
    if (written < 0 && errno == EPIPE)
        die_of_pipe();
    if (written < 0 && errno != EINTR && errno != EAGAIN)
        return err_sys("write");
    if (written > 0)
        buf_drop_front(b, (size_t)written);
    return NULL;
}

enum { P_SIGNAL, P_STDIN, P_STREAM, P_WAIT, P_STDOUT, P_STDERR, P_COUNT };

/* A side is only read while there is room for what it gives: that is the whole of the flow
 * control. */
static void fill_polls(struct flows *f, struct pollfd *p)
{
    bool out_is_full = f->to_out[0].len + f->to_out[1].len > PENDING_MAX;
    short stream = 0;

    ASSERT(f->signal_fd >= 0);
    for (int i = 0; i < P_COUNT; i++)
        p[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    p[P_SIGNAL].fd = f->signal_fd;
    if (f->stdin_open && f->stream_open && !f->to_engine.len)
        p[P_STDIN].fd = STDIN_FILENO;
    if (f->stream_open && !out_is_full)
        stream |= POLLIN;
    if (f->stream_open && f->to_engine.len)
        stream |= POLLOUT;
    if (stream)
        p[P_STREAM] = (struct pollfd){.fd = f->s->stream->fd, .events = stream};
    if (f->wait_open)
        p[P_WAIT].fd = f->s->wait->fd;
    for (int i = 0; i < 2; i++)
        if (f->to_out[i].len)
            p[P_STDOUT + i] =
                (struct pollfd){.fd = i ? STDERR_FILENO : STDOUT_FILENO, .events = POLLOUT};
}

/* What was received together with the head no poll tells of. */
static bool has_received(const struct http_conn *c)
{
    return c && c->in.len > 0 && !c->reply.is_done;
}

static int poll_flows(struct flows *f, struct pollfd *p, int timeout)
{
    bool wait = f->wait_open && has_received(f->s->wait);
    bool stream =
        (p[P_STREAM].events & POLLIN) && p[P_STREAM].fd >= 0 && has_received(f->s->stream);
    int n = poll(p, P_COUNT, wait || stream ? 0 : timeout);

    if (n < 0)
        return n;
    if (wait)
        p[P_WAIT].revents |= POLLIN;
    if (stream)
        p[P_STREAM].revents |= POLLIN;
    return n;
}

static struct err *dispatch(struct flows *f, const struct pollfd *p)
{
    if (p[P_SIGNAL].revents)
        take_signal(f);
    if (p[P_STDIN].revents)
        take_stdin(f);
    if (p[P_STREAM].revents & POLLOUT)
        flush_to_engine(f);
    if (p[P_STREAM].revents & (POLLIN | POLLHUP | POLLERR))
        TRY(take_output(f));
    if (p[P_WAIT].revents) {
        TRY(http_conn_read_some(f->s->wait, &f->reply));
        f->wait_open = !f->s->wait->reply.is_done;
    }
    for (int i = 0; i < 2; i++)
        if (p[P_STDOUT + i].revents)
            TRY(flush_out(f, i));
    send_eof(f);
    return NULL;
}

static bool output_pending(const struct flows *f)
{
    return f->to_out[0].len || f->to_out[1].len;
}

/* What was typed before the detach keys. */
static bool input_pending(const struct flows *f)
{
    return f->to_engine.len && f->stream_open;
}

/* Ends when the exit is known and the output has come to its end, or has been quiet for LINGER_MS:
 * a process in the background may hold the pipe open. */
static struct err *loop(struct flows *f)
{
    int64_t last_output_ns = clock_boot_ns();
    struct pollfd p[P_COUNT];

    for (;;) {
        bool has_exited = f->s->wait && !f->wait_open;
        bool expects_output = f->stream_open && f->s->has_output;
        int64_t quiet_ms = (clock_boot_ns() - last_output_ns) / NS_PER_MS;
        int timeout = -1;

        if (f->s->was_detached && !output_pending(f) && !input_pending(f))
            return NULL;
        if (has_exited && expects_output)
            timeout = quiet_ms < LINGER_MS ? (int)(LINGER_MS - quiet_ms) : 0;
        if (!output_pending(f) && !f->wait_open && (!expects_output || timeout == 0))
            return NULL;
        fill_polls(f, p);
        if (poll_flows(f, p, timeout) < 0 && errno != EINTR)
            return err_sys("poll");
        if (!has_exited || p[P_STREAM].revents || output_pending(f))
            last_output_ns = clock_boot_ns();
        TRY(dispatch(f, p));
    }
}

/* The answer of POST /containers/ID/wait. */
static struct err *exit_code_of(struct cli *cli, const struct buf *reply, int *out)
{
    const struct json *doc = NULL;
    const char *message;

    TRY(json_parse(cli->arena, reply->data ? reply->data : "", reply->len, &doc));
    message = json_str(json_get(json_get(doc, "Error"), "Message"));
    if (message && message[0])
        return err_new(ERR_INTERNAL, "%s", message);
    *out = (int)json_int(json_get(doc, "StatusCode"));
    return NULL;
}

struct err *session_read_wait(struct cli *cli, struct http_conn *wait, int *out_code)
{
    autobuf struct buf reply = {0};

    TRY(http_conn_read_all(wait, &reply));
    return exit_code_of(cli, &reply, out_code);
}

void session_say_oom(struct cli *cli, const char *container, int exit_code)
{
    struct api_reply reply = {0};
    struct err *e;

    if (exit_code != 128 + SIGKILL || text_is_empty(container))
        return;
    e = api_get(cli, &reply, "/containers/%s/json", container);
    if (!e && json_bool(json_get(json_get(reply.json, "State"), "OOMKilled")))
        cli_say("berth: %s was killed: out of memory (its limit is %lld bytes)\n",
                json_str(json_get(reply.json, "Name")) + 1,
                (long long)json_int(json_get(json_get(reply.json, "HostConfig"), "Memory")));
    err_drop(e);
}

/* Raw mode comes last of all: until then errors are printed to a sane terminal. */
static struct err *run_flows(struct flows *f)
{
    struct session *s = f->s;
    sigset_t set;

    signals_of_session(s, &set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    f->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (f->signal_fd < 0)
        return err_sys("signalfd");
    if (s->has_tty && s->has_stdin && isatty(STDIN_FILENO))
        TRY(tty_make_raw(STDIN_FILENO));
    if (s->has_tty)
        resize_at_start(s);
    send_eof(f);
    pass_on_noted(f);
    TRY(loop(f));
    if (s->wait && !s->was_detached)
        TRY(exit_code_of(s->cli, &f->reply, &s->exit_code));
    return NULL;
}

struct err *session_run(struct session *s)
{
    struct flows f = {
        .s = s,
        .signal_fd = -1,
        .stdin_open = s->has_stdin,
        .stream_open = s->stream && !s->stream->reply.is_done,
        .wait_open = s->wait && !s->wait->reply.is_done,
    };
    struct err *e = run_flows(&f);

    ASSERT(s->cli && (s->stream || s->wait));
    tty_restore();
    if (f.signal_fd >= 0)
        close(f.signal_fd);
    buf_finish(&f.to_engine);
    buf_finish(&f.to_out[0]);
    buf_finish(&f.to_out[1]);
    buf_finish(&f.reply);
    return e;
}
