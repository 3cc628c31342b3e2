/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mandatory access control where the kernel has it: which AppArmor profile confines a container.
 * Looked up once, at start-up; constant afterwards, so any thread may read it.
 */
#pragma once

#include "runtime/config.h"

struct lsm {
    bool has_apparmor;
    const char *profile; /* of a container that names none; NULL: none is loaded */
};

bool lsm_has_apparmor(void); /* asks the kernel; reads a file */
bool lsm_has_selinux(void);

/* Loads the default profile where AppArmor is on and it is not loaded yet: runs apparmor_parser and
 * waits for it. What is not possible is logged. Start-up, blocks. */
void lsm_open(struct lsm *out);
/* ERR_INVALID for security options that this kernel cannot honour. Pure. */
struct err *lsm_check(struct arena *a, const struct lsm *l, const struct host_config *h) must_check;
/* The AppArmor profile of a container's processes: "" where there is no AppArmor, "unconfined". Its
 * options were judged. Pure. */
const char *lsm_profile(struct arena *a, const struct lsm *l, const struct host_config *h);
/* The text that is loaded; confiner: the profile that the engine itself runs under. Pure. */
char *lsm_default_text(struct arena *a, const char *confiner);
