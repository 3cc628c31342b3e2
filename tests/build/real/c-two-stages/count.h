/* SPDX-License-Identifier: Apache-2.0 */
struct counts {
    unsigned long lines, words, bytes;
};
void count(const char *text, unsigned long n, struct counts *out);
