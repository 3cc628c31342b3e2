/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seizer N: stops each of the next N processes of its pid namespace at the first instant that it
 * can, and prints what it has caught: permitted capabilities and mode of seccomp. With
 * CAP_SYS_PTRACE it may make that its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_status(int pid)
{
    char path[64], line[256];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, "CapPrm:", 7) || !strncmp(line, "Seccomp:", 8)) {
            line[strcspn(line, "\n")] = 0;
            printf("%s ", strchr(line, '\t') + 1);
        }
    if (f)
        fclose(f);
    printf("\n");
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    for (int pid = getpid() + 1; n; pid++, n--) {
        while (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
            if (errno != ESRCH) {
                printf("%s\n", strerror(errno));
                return 1;
            }
        ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
        waitpid(pid, NULL, __WALL);
        print_status(pid);
        ptrace(PTRACE_DETACH, pid, NULL, NULL);
    }
    for (;;)
        pause();
}
