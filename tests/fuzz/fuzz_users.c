/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* An image's passwd and group, and the user a client asks for: three parts divided by NUL. */
#include "runtime/users.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *spec = arena_alloc(a, size + 3), *passwd;
    struct user_files f;
    struct sandbox_user u;

    memcpy(spec, data, size);
    passwd = spec + strlen(spec) + (strlen(spec) < size);
    f.passwd = passwd;
    f.group = passwd + strlen(passwd) + (passwd + strlen(passwd) < spec + size);
    err_drop(user_resolve(a, &f, spec, NULL, &u));
    return 0;
}
