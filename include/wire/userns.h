/* SPDX-License-Identifier: Apache-2.0 */
/* What "berth-keeper --userns" answers the engine that started it: one message on its stdin. */
#pragma once

#include <stdint.h>

#define USERNS_FDS 2 /* by SCM_RIGHTS when sys is 0: the user namespace, its network namespace */

enum userns_step { USERNS_CLONE = 1, USERNS_MAP, USERNS_OPEN };

struct userns_answer {
    uint32_t step; /* enum userns_step: the one that failed */
    int32_t sys;   /* errno, 0: none did */
};
