/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swapper A B...: exchanges A with each B in turn, for ever and as fast as it can
 * (renameat2 RENAME_EXCHANGE): whoever checks a path and then uses it loses sooner or later.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    for (;;)
        for (int i = 2; i < argc; i++)
            if (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[i], RENAME_EXCHANGE) < 0 &&
                errno != ENOENT && errno != EBUSY) {
                perror("renameat2");
                return 1;
            }
}
