/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel counts some things by the real user of who made them: the descriptors that an epoll
 * set watches, keyrings, pipes. Root of a container is the engine's own user, and may use all of
 * it up. So what we make of that kind is made with a real user that is drawn by lot: nobody is it,
 * and no container can be it on purpose, as it is known to nobody. Any thread: the raw system call
 * is of this thread alone.
 *
 * What a newcomer would get wrong: rights follow the effective user, who stays root. Only these
 * counts follow the real one, and it is back before anything else is done. Where there is no such
 * user (a user namespace) or no right to be it, things count as ever.
 */
#include "base/own_user.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST 0x10000000u /* above what systems and ranges of sub-users (often) take */
#define RANGE 0x60000000u
#define TRIES 1000

static uid_t draw(void)
{
    uint32_t n = 0;

    (void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
    return FIRST + n % RANGE;
}

static int set_real(uid_t uid)
{
    return (int)syscall(SYS_setresuid, uid, (uid_t)-1, (uid_t)-1);
}

uid_t own_user_begin(void)
{
    uid_t was = getuid();

    (void)set_real(draw());
    return was;
}

/* The kernel may lack memory for a moment; the rest of the thread's life as this user would do no
 * harm but to the counts. */
void own_user_end(uid_t was)
{
    for (int i = 0; i < TRIES && getuid() != was && set_real(was) < 0; i++)
        sched_yield();
}

int own_user_epoll(void)
{
    uid_t was = own_user_begin();
    int fd = epoll_create1(EPOLL_CLOEXEC), sys = errno;

    own_user_end(was);
    errno = sys;
    return fd;
}
