#include <stdio.h>

int main(void)
{
	puts("pgproctor");
	return 0;
}
