// SPDX-License-Identifier: GPL-2.0
/*
 * The program of the original report, as small as it can be: one perf ring
 * buffer for each CPU, through BPF_MAP_TYPE_PERF_EVENT_ARRAY and libbpf.
 * Runs as uid 0, but without CAP_IPC_LOCK.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static void drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &header, caps)) {
		perror("capget");
		exit(2);
	}
	caps[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~CAP_TO_MASK(CAP_IPC_LOCK);
	caps[CAP_TO_INDEX(CAP_IPC_LOCK)].permitted &= ~CAP_TO_MASK(CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, caps)) {
		perror("capset");
		exit(2);
	}
}

static void on_sample(void *ctx, int cpu, void *data, __u32 size)
{
}

int main(int argc, char **argv)
{
	int pages = argc > 1 ? atoi(argv[1]) : 0;
	struct perf_buffer *rings;
	int map, cpus;

	if (pages < 1) {
		fprintf(stderr, "usage: rings PAGES\n");
		return 2;
	}
	drop_ipc_lock();
	cpus = libbpf_num_possible_cpus();
	map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "rings",
			     sizeof(int), sizeof(int), cpus, NULL);
	if (map < 0) {
		fprintf(stderr, "rings: no BPF map: %s\n", strerror(errno));
		return 2;
	}
	rings = perf_buffer__new(map, pages, on_sample, NULL, NULL, NULL);
	if (!rings) {
		fprintf(stderr, "rings: %s\n", strerror(errno));
		return errno == EPERM ? 1 : 2;
	}
	printf("rings: %zu ring buffers mapped, one for each CPU, %d+1 pages each\n",
	       perf_buffer__buffer_cnt(rings), pages);
	perf_buffer__free(rings);
	return 0;
}
