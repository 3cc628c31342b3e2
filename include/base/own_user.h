/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that the kernel counts by user: what is made between begin and end counts for nobody else.
 */
#pragma once

#include <sys/types.h>

uid_t own_user_begin(void);
void own_user_end(uid_t was);
int own_user_epoll(void); /* epoll_create1 between the two; -1 with errno */
