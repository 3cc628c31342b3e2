#include <stdio.h>
void greet(void)
{
    puts("built with a cache");
}
