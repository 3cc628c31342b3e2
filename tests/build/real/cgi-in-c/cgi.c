/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    const char *query = getenv("QUERY_STRING");

    printf("Content-Type: text/plain\r\n\r\nasked for %s\n", query && *query ? query : "nothing");
    return 0;
}
