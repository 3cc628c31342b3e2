/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aliens SLEEPERS FORKERS: children for whoever is this process's parent, which is the keeper when
 * an exec has started it (CLONE_PARENT). Sleepers stay; forkers make children that end at once, as
 * fast as they can. Ends itself when all are made; "refused" and 1 when the filter does not let it.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long clone_alien(void)
{
    return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

static void fork_for_ever(void)
{
    for (;;)
        if (!clone_alien())
            _exit(0);
}

int main(int argc, char **argv)
{
    int sleepers = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0, made = 0;
    int forkers = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;

    for (int i = 0; i < sleepers + forkers; i++) {
        long pid = clone_alien();

        if (!pid && i < sleepers)
            for (;;)
                pause();
        if (!pid)
            fork_for_ever();
        made += pid > 0;
    }
    puts(made ? "made" : "refused");
    return made ? 0 : 1;
}
