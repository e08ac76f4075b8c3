/*
 * Prints what the interop of BlockUring.Native takes from the kernel's and the C library's headers, as this machine has them:
 *
 *   TYPE.size SIZE                 a struct
 *   TYPE.FIELD OFFSET SIZE         a field
 *   TYPE.CONSTANT VALUE            an enum member or constant
 *   NAME absent                    something newer than the headers
 *
 * The first name of each entry is that of the C# side, the rest is C. A test compares every line, and fails for every struct, field,
 * enum member and constant of the C# side that has no entry here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define STRUCT(type, c) printf(#type ".size %zu\n", sizeof(c))
#define FIELD(type, name, c, member) \
    printf(#type "." #name " %zu %zu\n", offsetof(c, member), sizeof(((c *)0)->member))
#define CONSTANT(type, name, value) printf(#type "." #name " %llu\n", (unsigned long long)(value))
#define ABSENT(type, name) printf(#type "." #name " absent\n")

static void submission_entry(void)
{
    STRUCT(IoUringSqe, struct io_uring_sqe);
    FIELD(IoUringSqe, Opcode, struct io_uring_sqe, opcode);
    FIELD(IoUringSqe, Flags, struct io_uring_sqe, flags);
    FIELD(IoUringSqe, IoPriority, struct io_uring_sqe, ioprio);
    FIELD(IoUringSqe, Fd, struct io_uring_sqe, fd);
    FIELD(IoUringSqe, Offset, struct io_uring_sqe, off);
    FIELD(IoUringSqe, Address, struct io_uring_sqe, addr);
    FIELD(IoUringSqe, Length, struct io_uring_sqe, len);
    FIELD(IoUringSqe, OpFlags, struct io_uring_sqe, rw_flags);
    FIELD(IoUringSqe, UserData, struct io_uring_sqe, user_data);
    FIELD(IoUringSqe, BufferIndex, struct io_uring_sqe, buf_index);
    FIELD(IoUringSqe, Personality, struct io_uring_sqe, personality);
    FIELD(IoUringSqe, FileIndex, struct io_uring_sqe, file_index);
    FIELD(IoUringSqe, Address3, struct io_uring_sqe, addr3);
    FIELD(IoUringSqe, Padding, struct io_uring_sqe, __pad2);
}

static void completion_entry(void)
{
    STRUCT(IoUringCqe, struct io_uring_cqe);
    FIELD(IoUringCqe, UserData, struct io_uring_cqe, user_data);
    FIELD(IoUringCqe, Result, struct io_uring_cqe, res);
    FIELD(IoUringCqe, Flags, struct io_uring_cqe, flags);
}

static void offsets(void)
{
    STRUCT(IoUringSqOffsets, struct io_sqring_offsets);
    FIELD(IoUringSqOffsets, Head, struct io_sqring_offsets, head);
    FIELD(IoUringSqOffsets, Tail, struct io_sqring_offsets, tail);
    FIELD(IoUringSqOffsets, RingMask, struct io_sqring_offsets, ring_mask);
    FIELD(IoUringSqOffsets, RingEntries, struct io_sqring_offsets, ring_entries);
    FIELD(IoUringSqOffsets, Flags, struct io_sqring_offsets, flags);
    FIELD(IoUringSqOffsets, Dropped, struct io_sqring_offsets, dropped);
    FIELD(IoUringSqOffsets, Array, struct io_sqring_offsets, array);
    FIELD(IoUringSqOffsets, Reserved1, struct io_sqring_offsets, resv1);

    STRUCT(IoUringCqOffsets, struct io_cqring_offsets);
    FIELD(IoUringCqOffsets, Head, struct io_cqring_offsets, head);
    FIELD(IoUringCqOffsets, Tail, struct io_cqring_offsets, tail);
    FIELD(IoUringCqOffsets, RingMask, struct io_cqring_offsets, ring_mask);
    FIELD(IoUringCqOffsets, RingEntries, struct io_cqring_offsets, ring_entries);
    FIELD(IoUringCqOffsets, Overflow, struct io_cqring_offsets, overflow);
    FIELD(IoUringCqOffsets, Cqes, struct io_cqring_offsets, cqes);
    FIELD(IoUringCqOffsets, Flags, struct io_cqring_offsets, flags);
    FIELD(IoUringCqOffsets, Reserved1, struct io_cqring_offsets, resv1);
#ifdef IORING_SETUP_NO_MMAP /* 6.5 named the last member */
    FIELD(IoUringSqOffsets, UserAddress, struct io_sqring_offsets, user_addr);
    FIELD(IoUringCqOffsets, UserAddress, struct io_cqring_offsets, user_addr);
#else
    FIELD(IoUringSqOffsets, UserAddress, struct io_sqring_offsets, resv2);
    FIELD(IoUringCqOffsets, UserAddress, struct io_cqring_offsets, resv2);
#endif
}

static void parameters(void)
{
    STRUCT(IoUringParams, struct io_uring_params);
    FIELD(IoUringParams, SqEntries, struct io_uring_params, sq_entries);
    FIELD(IoUringParams, CqEntries, struct io_uring_params, cq_entries);
    FIELD(IoUringParams, Flags, struct io_uring_params, flags);
    FIELD(IoUringParams, SqThreadCpu, struct io_uring_params, sq_thread_cpu);
    FIELD(IoUringParams, SqThreadIdle, struct io_uring_params, sq_thread_idle);
    FIELD(IoUringParams, Features, struct io_uring_params, features);
    FIELD(IoUringParams, WqFd, struct io_uring_params, wq_fd);
    FIELD(IoUringParams, Reserved0, struct io_uring_params, resv[0]);
    FIELD(IoUringParams, Reserved1, struct io_uring_params, resv[1]);
    FIELD(IoUringParams, Reserved2, struct io_uring_params, resv[2]);
    FIELD(IoUringParams, SqOffsets, struct io_uring_params, sq_off);
    FIELD(IoUringParams, CqOffsets, struct io_uring_params, cq_off);

    STRUCT(IoUringGetEventsArg, struct io_uring_getevents_arg);
    FIELD(IoUringGetEventsArg, SigMask, struct io_uring_getevents_arg, sigmask);
    FIELD(IoUringGetEventsArg, SigMaskLength, struct io_uring_getevents_arg, sigmask_sz);
#ifdef IORING_FEAT_MIN_TIMEOUT /* 6.12 named the padding */
    FIELD(IoUringGetEventsArg, MinWaitMicroseconds, struct io_uring_getevents_arg, min_wait_usec);
#else
    FIELD(IoUringGetEventsArg, MinWaitMicroseconds, struct io_uring_getevents_arg, pad);
#endif
    FIELD(IoUringGetEventsArg, Timespec, struct io_uring_getevents_arg, ts);

    STRUCT(KernelTimespec, struct __kernel_timespec);
    FIELD(KernelTimespec, Seconds, struct __kernel_timespec, tv_sec);
    FIELD(KernelTimespec, Nanoseconds, struct __kernel_timespec, tv_nsec);

    STRUCT(IoVector, struct iovec);
    FIELD(IoVector, Base, struct iovec, iov_base);
    FIELD(IoVector, Length, struct iovec, iov_len);
}

static void registration(void)
{
    STRUCT(IoUringResourceRegister, struct io_uring_rsrc_register);
    FIELD(IoUringResourceRegister, Count, struct io_uring_rsrc_register, nr);
    FIELD(IoUringResourceRegister, Flags, struct io_uring_rsrc_register, flags);
    FIELD(IoUringResourceRegister, Reserved, struct io_uring_rsrc_register, resv2);
    FIELD(IoUringResourceRegister, Data, struct io_uring_rsrc_register, data);
    FIELD(IoUringResourceRegister, Tags, struct io_uring_rsrc_register, tags);

    STRUCT(IoUringResourceUpdate, struct io_uring_rsrc_update);
    FIELD(IoUringResourceUpdate, Offset, struct io_uring_rsrc_update, offset);
    FIELD(IoUringResourceUpdate, Reserved, struct io_uring_rsrc_update, resv);
    FIELD(IoUringResourceUpdate, Data, struct io_uring_rsrc_update, data);

    STRUCT(IoUringResourceUpdate2, struct io_uring_rsrc_update2);
    FIELD(IoUringResourceUpdate2, Offset, struct io_uring_rsrc_update2, offset);
    FIELD(IoUringResourceUpdate2, Reserved, struct io_uring_rsrc_update2, resv);
    FIELD(IoUringResourceUpdate2, Data, struct io_uring_rsrc_update2, data);
    FIELD(IoUringResourceUpdate2, Tags, struct io_uring_rsrc_update2, tags);
    FIELD(IoUringResourceUpdate2, Count, struct io_uring_rsrc_update2, nr);
    FIELD(IoUringResourceUpdate2, Reserved2, struct io_uring_rsrc_update2, resv2);

    STRUCT(IoUringProbeOp, struct io_uring_probe_op);
    FIELD(IoUringProbeOp, Op, struct io_uring_probe_op, op);
    FIELD(IoUringProbeOp, Reserved, struct io_uring_probe_op, resv);
    FIELD(IoUringProbeOp, Flags, struct io_uring_probe_op, flags);
    FIELD(IoUringProbeOp, Reserved2, struct io_uring_probe_op, resv2);

    STRUCT(IoUringProbe, struct io_uring_probe);
    FIELD(IoUringProbe, LastOp, struct io_uring_probe, last_op);
    FIELD(IoUringProbe, OpsLength, struct io_uring_probe, ops_len);
    FIELD(IoUringProbe, Reserved, struct io_uring_probe, resv);
    FIELD(IoUringProbe, Reserved20, struct io_uring_probe, resv2[0]);
    FIELD(IoUringProbe, Reserved21, struct io_uring_probe, resv2[1]);
    FIELD(IoUringProbe, Reserved22, struct io_uring_probe, resv2[2]);
}

static void operations(void)
{
    CONSTANT(IoUringOp, Nop, IORING_OP_NOP);
    CONSTANT(IoUringOp, Fsync, IORING_OP_FSYNC);
    CONSTANT(IoUringOp, ReadFixed, IORING_OP_READ_FIXED);
    CONSTANT(IoUringOp, WriteFixed, IORING_OP_WRITE_FIXED);
    CONSTANT(IoUringOp, PollAdd, IORING_OP_POLL_ADD);
    CONSTANT(IoUringOp, Timeout, IORING_OP_TIMEOUT);
    CONSTANT(IoUringOp, Accept, IORING_OP_ACCEPT);
    CONSTANT(IoUringOp, AsyncCancel, IORING_OP_ASYNC_CANCEL);
    CONSTANT(IoUringOp, Connect, IORING_OP_CONNECT);
    CONSTANT(IoUringOp, Fallocate, IORING_OP_FALLOCATE);
    CONSTANT(IoUringOp, Read, IORING_OP_READ);
    CONSTANT(IoUringOp, Write, IORING_OP_WRITE);
    CONSTANT(IoUringOp, Send, IORING_OP_SEND);
    CONSTANT(IoUringOp, Recv, IORING_OP_RECV);
}

static void flags(void)
{
    CONSTANT(IoUringSqeFlags, None, 0);
    CONSTANT(IoUringSqeFlags, FixedFile, IOSQE_FIXED_FILE);
    CONSTANT(IoUringSqeFlags, IoDrain, IOSQE_IO_DRAIN);
    CONSTANT(IoUringSqeFlags, IoLink, IOSQE_IO_LINK);
    CONSTANT(IoUringSqeFlags, Async, IOSQE_ASYNC);

    CONSTANT(IoUringSetup, None, 0);
    CONSTANT(IoUringSetup, CqSize, IORING_SETUP_CQSIZE);
    CONSTANT(IoUringSetup, Clamp, IORING_SETUP_CLAMP);
#ifdef IORING_SETUP_SUBMIT_ALL
    CONSTANT(IoUringSetup, SubmitAll, IORING_SETUP_SUBMIT_ALL);
#else
    ABSENT(IoUringSetup, SubmitAll);
#endif
#ifdef IORING_SETUP_COOP_TASKRUN
    CONSTANT(IoUringSetup, CoopTaskrun, IORING_SETUP_COOP_TASKRUN);
#else
    ABSENT(IoUringSetup, CoopTaskrun);
#endif
#ifdef IORING_SETUP_SINGLE_ISSUER
    CONSTANT(IoUringSetup, SingleIssuer, IORING_SETUP_SINGLE_ISSUER);
#else
    ABSENT(IoUringSetup, SingleIssuer);
#endif
#ifdef IORING_SETUP_DEFER_TASKRUN
    CONSTANT(IoUringSetup, DeferTaskrun, IORING_SETUP_DEFER_TASKRUN);
#else
    ABSENT(IoUringSetup, DeferTaskrun);
#endif
#ifdef IORING_SETUP_NO_SQARRAY
    CONSTANT(IoUringSetup, NoSqArray, IORING_SETUP_NO_SQARRAY);
#else
    ABSENT(IoUringSetup, NoSqArray);
#endif
}

static void ring_constants(void)
{
    CONSTANT(IoUringAbi, EnterGetEvents, IORING_ENTER_GETEVENTS);
    CONSTANT(IoUringAbi, EnterExtArg, IORING_ENTER_EXT_ARG);
#ifdef IORING_ENTER_REGISTERED_RING
    CONSTANT(IoUringAbi, EnterRegisteredRing, IORING_ENTER_REGISTERED_RING);
#else
    ABSENT(IoUringAbi, EnterRegisteredRing);
#endif

    CONSTANT(IoUringAbi, FeatureSingleMmap, IORING_FEAT_SINGLE_MMAP);
    CONSTANT(IoUringAbi, FeatureNoDrop, IORING_FEAT_NODROP);
    CONSTANT(IoUringAbi, FeatureSubmitStable, IORING_FEAT_SUBMIT_STABLE);
    CONSTANT(IoUringAbi, FeatureExtArg, IORING_FEAT_EXT_ARG);
    CONSTANT(IoUringAbi, FeatureResourceTags, IORING_FEAT_RSRC_TAGS);
#ifdef IORING_FEAT_MIN_TIMEOUT
    CONSTANT(IoUringAbi, FeatureMinTimeout, IORING_FEAT_MIN_TIMEOUT);
#else
    ABSENT(IoUringAbi, FeatureMinTimeout);
#endif

    CONSTANT(IoUringAbi, SqCqOverflow, IORING_SQ_CQ_OVERFLOW);
#ifdef IORING_SQ_TASKRUN
    CONSTANT(IoUringAbi, SqTaskrun, IORING_SQ_TASKRUN);
#else
    ABSENT(IoUringAbi, SqTaskrun);
#endif

    CONSTANT(IoUringAbi, OffsetSqRing, IORING_OFF_SQ_RING);
    CONSTANT(IoUringAbi, OffsetCqRing, IORING_OFF_CQ_RING);
    CONSTANT(IoUringAbi, OffsetSqes, IORING_OFF_SQES);
    CONSTANT(IoUringAbi, FsyncDatasync, IORING_FSYNC_DATASYNC);

#ifdef IORING_ASYNC_CANCEL_FD_FIXED
    CONSTANT(IoUringAbi, CancelAll, IORING_ASYNC_CANCEL_ALL);
    CONSTANT(IoUringAbi, CancelFd, IORING_ASYNC_CANCEL_FD);
    CONSTANT(IoUringAbi, CancelAny, IORING_ASYNC_CANCEL_ANY);
    CONSTANT(IoUringAbi, CancelFdFixed, IORING_ASYNC_CANCEL_FD_FIXED);
#else
    ABSENT(IoUringAbi, CancelAll);
    ABSENT(IoUringAbi, CancelFd);
    ABSENT(IoUringAbi, CancelAny);
    ABSENT(IoUringAbi, CancelFdFixed);
#endif
}

static void registration_constants(void)
{
    CONSTANT(IoUringAbi, RegisterProbe, IORING_REGISTER_PROBE);
    CONSTANT(IoUringAbi, RegisterFiles2, IORING_REGISTER_FILES2);
    CONSTANT(IoUringAbi, RegisterFilesUpdate2, IORING_REGISTER_FILES_UPDATE2);
    CONSTANT(IoUringAbi, RegisterBuffers2, IORING_REGISTER_BUFFERS2);
    CONSTANT(IoUringAbi, RegisterBuffersUpdate, IORING_REGISTER_BUFFERS_UPDATE);
#ifdef IORING_ENTER_REGISTERED_RING /* of the same release, 5.18; these two are enum members */
    CONSTANT(IoUringAbi, RegisterRingFds, IORING_REGISTER_RING_FDS);
    CONSTANT(IoUringAbi, UnregisterRingFds, IORING_UNREGISTER_RING_FDS);
#else
    ABSENT(IoUringAbi, RegisterRingFds);
    ABSENT(IoUringAbi, UnregisterRingFds);
#endif
#ifdef IORING_RSRC_REGISTER_SPARSE
    CONSTANT(IoUringAbi, ResourceSparse, IORING_RSRC_REGISTER_SPARSE);
#else
    ABSENT(IoUringAbi, ResourceSparse);
#endif
    CONSTANT(IoUringAbi, ProbeOpSupported, IO_URING_OP_SUPPORTED);
    CONSTANT(IoUringAbi, RwfDsync, RWF_DSYNC);
    CONSTANT(Kernel, IoUringEnterNumber, SYS_io_uring_enter);
}

static void files(void)
{
    STRUCT(StatxBuffer, struct statx);
    FIELD(StatxBuffer, Mask, struct statx, stx_mask);
    FIELD(StatxBuffer, BlockLength, struct statx, stx_blksize);
    FIELD(StatxBuffer, Mode, struct statx, stx_mode);
    FIELD(StatxBuffer, Inode, struct statx, stx_ino);
    FIELD(StatxBuffer, Length, struct statx, stx_size);
    FIELD(StatxBuffer, SectorCount, struct statx, stx_blocks);
    FIELD(StatxBuffer, DeviceMajor, struct statx, stx_dev_major);
    FIELD(StatxBuffer, DeviceMinor, struct statx, stx_dev_minor);
    CONSTANT(StatxBuffer, BasicStats, STATX_BASIC_STATS);
#ifdef STATX_DIOALIGN
    FIELD(StatxBuffer, DirectMemoryAlignment, struct statx, stx_dio_mem_align);
    FIELD(StatxBuffer, DirectOffsetAlignment, struct statx, stx_dio_offset_align);
    CONSTANT(StatxBuffer, DirectAlignment, STATX_DIOALIGN);
#else
    ABSENT(StatxBuffer, DirectMemoryAlignment);
    ABSENT(StatxBuffer, DirectOffsetAlignment);
    ABSENT(StatxBuffer, DirectAlignment);
#endif
    CONSTANT(FileSystemCalls, TypeMask, S_IFMT);

    STRUCT(FileLockRecord, struct flock);
    FIELD(FileLockRecord, Type, struct flock, l_type);
    FIELD(FileLockRecord, Whence, struct flock, l_whence);
    FIELD(FileLockRecord, Start, struct flock, l_start);
    FIELD(FileLockRecord, Length, struct flock, l_len);
    FIELD(FileLockRecord, Process, struct flock, l_pid);
    CONSTANT(FileLockRecord, ReadLock, F_RDLCK);
    CONSTANT(FileLockRecord, WriteLock, F_WRLCK);
    CONSTANT(FileLockRecord, Unlock, F_UNLCK);

    STRUCT(CloneRange, struct file_clone_range);
    FIELD(CloneRange, SourceDescriptor, struct file_clone_range, src_fd);
    FIELD(CloneRange, SourceOffset, struct file_clone_range, src_offset);
    FIELD(CloneRange, Length, struct file_clone_range, src_length);
    FIELD(CloneRange, TargetOffset, struct file_clone_range, dest_offset);
}

static void file_constants(void)
{
    CONSTANT(FileKernel, BLKROGET, BLKROGET);
    CONSTANT(FileKernel, BLKSSZGET, BLKSSZGET);
    CONSTANT(FileKernel, BLKDISCARD, BLKDISCARD);
    CONSTANT(FileKernel, BLKPBSZGET, BLKPBSZGET);
    CONSTANT(FileKernel, BLKZEROOUT, BLKZEROOUT);
    CONSTANT(FileKernel, BLKGETSIZE64, BLKGETSIZE64);
    CONSTANT(FileKernel, FICLONERANGE, FICLONERANGE);
    CONSTANT(FileKernel, SEEK_END, SEEK_END);
    CONSTANT(FileKernel, SEEK_DATA, SEEK_DATA);
    CONSTANT(FileKernel, SEEK_HOLE, SEEK_HOLE);
    CONSTANT(FileKernel, F_GETFL, F_GETFL);
    CONSTANT(FileKernel, F_SETFL, F_SETFL);
    CONSTANT(FileKernel, F_OFD_GETLK, F_OFD_GETLK);
    CONSTANT(FileKernel, F_OFD_SETLK, F_OFD_SETLK);
    CONSTANT(FileKernel, AT_FDCWD, AT_FDCWD);
    CONSTANT(FileKernel, AT_EMPTY_PATH, AT_EMPTY_PATH);
}

static void error_numbers(void)
{
    CONSTANT(Errno, EPERM, EPERM);
    CONSTANT(Errno, ENOENT, ENOENT);
    CONSTANT(Errno, EINTR, EINTR);
    CONSTANT(Errno, EIO, EIO);
    CONSTANT(Errno, ENXIO, ENXIO);
    CONSTANT(Errno, EBADF, EBADF);
    CONSTANT(Errno, EAGAIN, EAGAIN);
    CONSTANT(Errno, ENOMEM, ENOMEM);
    CONSTANT(Errno, EACCES, EACCES);
    CONSTANT(Errno, EFAULT, EFAULT);
    CONSTANT(Errno, EBUSY, EBUSY);
    CONSTANT(Errno, EEXIST, EEXIST);
    CONSTANT(Errno, EXDEV, EXDEV);
    CONSTANT(Errno, ENODEV, ENODEV);
    CONSTANT(Errno, ENOTDIR, ENOTDIR);
    CONSTANT(Errno, EISDIR, EISDIR);
    CONSTANT(Errno, EINVAL, EINVAL);
    CONSTANT(Errno, ENOTTY, ENOTTY);
    CONSTANT(Errno, ETXTBSY, ETXTBSY);
    CONSTANT(Errno, EFBIG, EFBIG);
    CONSTANT(Errno, ENOSPC, ENOSPC);
    CONSTANT(Errno, EOVERFLOW, EOVERFLOW);
    CONSTANT(Errno, ESHUTDOWN, ESHUTDOWN);
    CONSTANT(Errno, EDQUOT, EDQUOT);
    CONSTANT(Errno, EROFS, EROFS);
    CONSTANT(Errno, ERANGE, ERANGE);
    CONSTANT(Errno, ENOSYS, ENOSYS);
    CONSTANT(Errno, ELOOP, ELOOP);
    CONSTANT(Errno, ETIME, ETIME);
    CONSTANT(Errno, EPIPE, EPIPE);
    CONSTANT(Errno, EPROTO, EPROTO);
    CONSTANT(Errno, ECONNRESET, ECONNRESET);
    CONSTANT(Errno, ENOTCONN, ENOTCONN);
    CONSTANT(Errno, ETIMEDOUT, ETIMEDOUT);
    CONSTANT(Errno, EOPNOTSUPP, EOPNOTSUPP);
    CONSTANT(Errno, ENOTSUP, ENOTSUP);
    CONSTANT(Errno, ECANCELED, ECANCELED);
}

int main(void)
{
    submission_entry();
    completion_entry();
    offsets();
    parameters();
    registration();
    operations();
    flags();
    ring_constants();
    registration_constants();
    files();
    file_constants();
    error_numbers();
    return 0;
}
