/* SPDX-License-Identifier: Apache-2.0 */
/* links: keeper_message base */
/* Bytes from an engine's connection; the first says how many descriptors came along. */
#include "message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keeper_head head;
    char *copy;

    if (!size)
        return 0;
    copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    message_check(copy, size - 1, data[0], true);
    if (size > sizeof(head)) { /* past the first check, too */
        memcpy(&head, copy, sizeof(head));
        head.size = (uint32_t)size - 1;
        memcpy(copy, &head, sizeof(head));
        message_check(copy, size - 1, data[0], false);
        message_check(copy, size - 1, data[0], true);
    }
    free(copy);
    return 0;
}
