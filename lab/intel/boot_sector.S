// The first sector of the Intel machine's disk: loads the kernel and its initramfs, and enters the kernel as Xen's
// PVH boot protocol says (linux/Documentation/arch/x86/boot.rst does not; xen/docs/misc/pvh.pandoc does): 32-bit
// protected mode, flat segments, no paging, EBX = the hvm_start_info. No boot loader is as quick.
//
// lab/intel/disk_image fills the table at the end: what to load where, then a line with 0 sectors and the entry.

#define TABLE 0x7c00 + 320
#define ATA_DATA 0x1f0
#define ATA_SECTOR_COUNT 0x1f2
#define ATA_LBA_LOW 0x1f3
#define ATA_DEVICE 0x1f6
#define ATA_COMMAND 0x1f7  // read: status
#define ATA_READ_SECTORS 0x20
#define ATA_BUSY 0x80
#define ATA_DATA_REQUEST 0x08
#define START_INFO 0x9000

        .code16
        .globl _start
_start: cli
        cld
        xor %ax, %ax
        mov %ax, %ds
        in $0x92, %al  // address line 20
        or $2, %al
        out %al, $0x92
        lgdtl gdt_register
        mov %cr0, %eax
        or $1, %eax
        mov %eax, %cr0
        ljmpl $8, $protected

        .code32
protected:
        mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $0x7c00, %esp
        mov $TABLE, %esi
next_part:
        mov (%esi), %ebx    // sector
        mov 4(%esi), %ebp   // sectors
        mov 8(%esi), %edi   // address
        add $12, %esi
        test %ebp, %ebp
        jz enter_kernel
next_sectors:
        test %ebp, %ebp
        jz next_part
        // As many as a command takes: 256, said as 0.
        mov $256, %ecx
        cmp %ecx, %ebp
        jae 1f
        mov %ebp, %ecx
1:      mov $ATA_SECTOR_COUNT, %edx
        mov %cl, %al
        out %al, %dx
        mov %ebx, %eax
        mov $ATA_LBA_LOW, %edx
        out %al, %dx
        inc %edx
        shr $8, %eax
        out %al, %dx
        inc %edx
        shr $8, %eax
        out %al, %dx
        shr $8, %eax
        or $0xe0, %al  // LBA, first disk
        mov $ATA_DEVICE, %edx
        out %al, %dx
        mov $ATA_READ_SECTORS, %al
        mov $ATA_COMMAND, %edx
        out %al, %dx
        add %ecx, %ebx
        sub %ecx, %ebp
one_sector:
        push %ecx
        mov $ATA_COMMAND, %edx
2:      in %dx, %al
        test $ATA_BUSY, %al
        jnz 2b
        test $ATA_DATA_REQUEST, %al
        jz 2b
        mov $ATA_DATA, %edx
        mov $256, %ecx
        rep insw
        pop %ecx
        loop one_sector
        jmp next_sectors

enter_kernel:
        mov %edi, %eax  // of the last line the address: the entry
        mov $START_INFO, %ebx
        pushl $2
        popf
        jmp *%eax

        .balign 8
gdt:    .quad 0
        .quad 0x00cf9b000000ffff  // code, flat
        .quad 0x00cf93000000ffff  // data, flat
gdt_register:
        .word . - gdt - 1
        .long gdt

        .org 510
        .word 0xaa55
