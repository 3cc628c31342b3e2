/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mandatory access control where the kernel has it: which AppArmor profile confines a container,
 * and whether it gets SELinux labels. Looked up once, at start-up; constant afterwards, so any
 * thread may read it.
 */
#pragma once

#include "runtime/config.h"
#include "runtime/label.h"

struct lsm {
    bool has_apparmor;
    const char *profile; /* of a container that names none; NULL: none is loaded */
    bool is_selinux_on;  /* in the kernel */
    bool sets_labels;    /* --selinux-enabled */
    struct label_base labels;
};

bool lsm_has_apparmor(void); /* asks the kernel; reads a file */
bool lsm_has_selinux(void);

/* Loads the default profile where AppArmor is on and it is not loaded yet: runs apparmor_parser and
 * waits for it; what is not possible is logged. Reads what the SELinux policy has for containers
 * when labels are wanted: ERR_INVALID where there are none. Start-up, blocks. */
struct err *lsm_open(struct arena *a, bool wants_labels, struct lsm *out) must_check;
/* Of that, only whether labels could be had. */
struct err *lsm_check_selinux(void) must_check;
/* ERR_INVALID for security options that this kernel cannot honour. Pure. */
struct err *lsm_check(struct arena *a, const struct lsm *l, const struct host_config *h) must_check;
/* The AppArmor profile of a container's processes: "" where there is no AppArmor, "unconfined". Its
 * options were judged. Pure. */
const char *lsm_profile(struct arena *a, const struct lsm *l, const struct host_config *h);
/* What its options ask for in SELinux labels. They were judged. Pure. */
struct err *lsm_label_options(struct arena *a, const struct host_config *h,
                              struct label_options *out) must_check;
/* Worker. ERR_INVALID: the policy has no such contexts. NULL: none to ask for. */
struct err *lsm_check_labels(const struct lsm *l, const char *process, const char *mount)
    must_check;
/* The text that is loaded; confiner: the profile that the engine itself runs under. Pure. */
char *lsm_default_text(struct arena *a, const char *confiner);
