/* SPDX-License-Identifier: Apache-2.0 */
/* The program berth; everything is in the library, where unit tests reach it. */
#include "cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
