/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
void greet(void)
{
    puts("built with a cache");
}
