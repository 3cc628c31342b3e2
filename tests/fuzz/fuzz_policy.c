/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Policy files: what is read is judged by, too. */
#include "runtime/policy.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    const gid_t groups[] = {4, 27};
    const struct policy_caller who = {.uid = 1000, .gid = 1000, .groups = groups, .n_groups = 2};
    struct risk_findings found = {0};
    struct policy_case c = {.capabilities = ~0ull, .risks = &found};
    struct policy *p = NULL;
    struct err *err = policy_parse((const char *)data, size, &p);

    risk_add(a, &found, "privileged", "--privileged");
    for (size_t i = 0; i < POLICY_KINDS; i++)
        strs_add(a, &c.items[i], i == POLICY_MOUNTS ? "/etc/x" : "registry/team/image:tag");
    if (!err)
        err_drop(policy_check(p, &who, a, &c));
    err_drop(err);
    policy_unref(p);
    return 0;
}
