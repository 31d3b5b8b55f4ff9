// What compilers call of their own accord, in freestanding code too. It lies in the kernel's pages: the user
// program is written so that it needs none.
#include <stddef.h>

void* memset(void* target, int value, size_t bytes) {
  void* at = target;
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(value) : "memory");
  return target;
}
