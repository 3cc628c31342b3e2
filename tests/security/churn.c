/* SPDX-License-Identifier: Apache-2.0 */
/*
 * churn WORKERS: so many processes make one child after the other, each of which lives for about a
 * millisecond, so that numbers are used again and again. At the end of stdin they end, too; then
 * it prints how many children SIGKILL has ended. "-" for WORKERS is 16 that never end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void churn(volatile int *ends, int *killed)
{
    while (!*ends) {
        pid_t pid = fork();
        int status = 0;

        if (!pid) {
            usleep(500 + (useconds_t)(getpid() % 1000));
            _exit(0);
        }
        if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
            __atomic_add_fetch(killed, WTERMSIG(status) == SIGKILL, __ATOMIC_RELAXED);
    }
}

int main(int argc, char **argv)
{
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int n = argc > 1 && strcmp(argv[1], "-") ? (int)strtol(argv[1], NULL, 10) : 16;
    char byte;

    if (shared == MAP_FAILED)
        return 1;
    for (int i = 0; i < n; i++)
        if (!fork()) {
            churn(&shared[0], &shared[1]);
            _exit(0);
        }
    while (argc < 2 || !strcmp(argv[1], "-"))
        pause();
    while (read(0, &byte, 1) > 0)
        ;
    shared[0] = 1;
    while (wait(NULL) > 0)
        ;
    printf("%d\n", shared[1]);
}
