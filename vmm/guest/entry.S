// Where hardware enters the nano-kernel: boot, IDT gates, SYSCALL; and how it leaves for user mode.
#include "vmm/guest/abi.h"

        .section .image_header, "a"
        .quad GUEST_IMAGE_MAGIC
        .quad isr_stubs
        .quad GUEST_ISR_STUB_BYTES
        .quad syscall_entry

        .section .rodata
gdtr:   .word GUEST_GDT_BYTES - 1
        .quad GUEST_GDT
idtr:   .word GUEST_IDT_BYTES - 1
        .quad GUEST_IDT

        .bss
        .balign 8
syscall_user_rsp: .skip 8

// Pushed in the reverse order of struct guest_trap_frame.
.macro SAVE_REGISTERS
        push %rax
        push %rbx
        push %rcx
        push %rdx
        push %rsi
        push %rdi
        push %rbp
        push %r8
        push %r9
        push %r10
        push %r11
        push %r12
        push %r13
        push %r14
        push %r15
.endm

.macro RESTORE_REGISTERS
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rbp
        pop %rdi
        pop %rsi
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
.endm

        .text
// The VMM starts the vCPU here: long mode, paging on, IF = 0, a stack, no IDT.
        .globl kernel_entry
kernel_entry:
        lgdt gdtr
        push $GUEST_KERNEL_CS
        push $1f
        lretq
1:      mov $GUEST_KERNEL_SS, %eax
        mov %eax, %ss
        mov %eax, %ds
        mov %eax, %es
        xor %eax, %eax
        mov %eax, %fs
        mov %eax, %gs
        lidt idtr
        mov $GUEST_TSS_SELECTOR, %eax
        ltr %ax
        xor %ebp, %ebp
        call kernel_main
        ud2

// void enter_user(const struct guest_trap_frame*)
        .globl enter_user
enter_user:
        mov %rdi, %rsp
        jmp isr_return

// The interrupted code's registers are in the frame that isr() gets and may change.
isr_common:
        SAVE_REGISTERS
        cld
        mov %rsp, %rdi
        call isr
isr_return:
        RESTORE_REGISTERS
        add $16, %rsp  // vector and error code
        iretq

// SYSCALL switches no stack, and leaves RIP in RCX and RFLAGS in R11 (AMD APM vol. 3, SYSCALL): the frame is
// built by hand, as hardware would have pushed it.
syscall_entry:
        mov %rsp, syscall_user_rsp
        mov $GUEST_KERNEL_STACK_TOP(0), %rsp
        push $GUEST_USER_SS
        push syscall_user_rsp
        push %r11
        push $GUEST_USER_CS
        push %rcx
        push $0
        push $GUEST_VECTOR_SYSCALL
        SAVE_REGISTERS
        cld
        mov %rsp, %rdi
        call isr
        mov GUEST_FRAME_RIP(%rsp), %rcx
        mov %rcx, GUEST_FRAME_RAX - 16(%rsp)     // popped into RCX
        mov GUEST_FRAME_RFLAGS(%rsp), %r11
        mov %r11, GUEST_FRAME_RAX - 80(%rsp)     // popped into R11
        RESTORE_REGISTERS
        mov GUEST_FRAME_RSP - GUEST_FRAME_VECTOR(%rsp), %rsp
        sysretq

// One stub per vector. Hardware pushes an error code for these (AMD APM vol. 2, table 8-1; 21: Intel SDM vol. 3,
// 6.15; 29 and 30: AMD). vmm/x86/frames.cpp has the same table, and a test compares the two by the stubs' bytes.
        .balign GUEST_ISR_STUB_BYTES
isr_stubs:
        .set vector, 0
        .rept 256
        .balign GUEST_ISR_STUB_BYTES
        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
        push $0
        .endif
        .byte 0x68  // push imm32: one length for all vectors
        .long vector
        .byte 0xe9  // jmp rel32
        .long isr_common - . - 4
        .set vector, vector + 1
        .endr
        .balign GUEST_ISR_STUB_BYTES

        .section .note.GNU-stack, "", @progbits
