/* SPDX-License-Identifier: Apache-2.0 */
void greet(void);
int main(void)
{
    greet();
    return 0;
}
