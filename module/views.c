// SPDX-License-Identifier: GPL-2.0
/*
 * The debugfs files. Each table's columns stand in one list, next to what they
 * print. A reader copies one record at a time under the ledger's lock and
 * marks its place with a cursor of its own, so that nothing that an mmap()
 * needs is held while user space reads, and no row is seen twice.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>

#include "hooks.h"
#include "kernel.h"
#include "ledger.h"
#include "views.h"
#include "walk.h"

#define CONTRACT_VERSION	1

static struct perfmlock_ledger *ledger;
static struct dentry *root;

/* One record, copied; and what was read beside it at the same moment. */
struct row {
	union {
		struct perfmlock_user user;
		struct perfmlock_mm mm;
		struct perfmlock_buffer buffer;
		struct perfmlock_denial denial;
		struct perfmlock_drifting drift;
		struct {
			const struct perfmlock_model *rule;
			unsigned long agrees;
			unsigned long disagrees;
		} model;
	};
	struct perfmlock_counts counts;
	u64 seq;
	u64 times;
	long counter;
	unsigned long limit;
	uid_t uid;
	bool exited;
	bool left_out;
};

/**
 * struct listing - a file of one record a line
 * @name: of the file
 * @columns: behind the # of line 2
 * @copy: copies the record behind the reader's place and moves on; under the
 *	  lock; false: there is none
 * @print: prints a record's line
 */
struct listing {
	const char *name;
	const char *columns;
	bool (*copy)(struct row *row, struct perfmlock_node *cursor);
	void (*print)(struct seq_file *m, const struct row *row);
};

/**
 * struct reader - an open listing
 * @listing: which
 * @cursor: the reader's place in a store's list, while @listed
 * @listed: @cursor is on the list
 * @at: lines given out, the two of the head included
 * @row: the record at @at; its seq is the reader's place in a history
 */
struct reader {
	const struct listing *listing;
	struct perfmlock_node cursor;
	bool listed;
	loff_t at;
	struct row row;
};

/*
 * comm is whatever a process calls itself. Blanks would break the line, and what
 * is no printable ASCII might do anything to the terminal of who reads it.
 */
static void print_comm(struct seq_file *m, const char *comm)
{
	unsigned int i;

	/* a process may have none, the column is there all the same */
	if (!comm[0])
		seq_puts(m, "\\000");
	for (i = 0; i < TASK_COMM_LEN && comm[i]; i++) {
		if (comm[i] > ' ' && comm[i] < 0x7f && !strchr("\\=#", comm[i]))
			seq_putc(m, comm[i]);
		else
			seq_printf(m, "\\%03o", (unsigned char)comm[i]);
	}
}

static const char *const kind_names[] = {
	[PERFMLOCK_DATA] = "data",
	[PERFMLOCK_AUX] = "aux",
};

static const char *const step_names[] = {
	[PERFMLOCK_MAP] = "map",
	[PERFMLOCK_REMAP] = "remap",
	[PERFMLOCK_UNMAP] = "unmap",
	[PERFMLOCK_LAST_UNMAP] = "last-unmap",
	[PERFMLOCK_REFUSED] = "failed-map",
};

/* The record behind the cursor; the cursor goes behind it. */
static void *advance(struct perfmlock_store *store,
		     struct perfmlock_node *cursor)
{
	struct perfmlock_node *node = perfmlock_store_next(store, cursor);

	if (node)
		list_move(&cursor->list, &node->list);
	return node;
}

static bool copy_user(struct row *row, struct perfmlock_node *cursor)
{
	struct perfmlock_user *user = advance(&ledger->users, cursor);

	if (!user)
		return false;
	row->counts = *perfmlock_counts(ledger, &user->books);
	row->user = *user;
	row->counter = perfmlock_read_user(user->node.key);
	row->limit = perfmlock_limit();
	return true;
}

static void print_books(struct seq_file *m, const struct row *row,
			const struct perfmlock_books *books, unsigned long limit)
{
	seq_printf(m, "%u %ld %ld %ld %ld %ld %lu %lu %lu %lu",
		   books->buffers, books->kernel, books->correct,
		   perfmlock_drift(books->kernel, books->correct), row->counter,
		   perfmlock_foreign(row->counter, books->kernel), limit,
		   row->counts.privileged, row->counts.denied,
		   row->counts.wrongly_denied);
}

static void print_user(struct seq_file *m, const struct row *row)
{
	seq_printf(m, "%u ", row->user.uid);
	print_books(m, row, &row->user.books, row->limit);
	seq_putc(m, '\n');
}

/* A process that is gone and had nothing left is not shown, reaped or not. */
static bool copy_mm(struct row *row, struct perfmlock_node *cursor)
{
	struct perfmlock_mm *mm = advance(&ledger->mms, cursor);

	if (!mm)
		return false;
	row->exited = perfmlock_mm_exited(mm->node.key);
	row->left_out = row->exited && !mm->books.buffers;
	row->counts = *perfmlock_counts(ledger, &mm->books);
	row->mm = *mm;
	row->counter = perfmlock_read_mm(mm->node.key);
	return true;
}

static void print_mm(struct seq_file *m, const struct row *row)
{
	const struct perfmlock_mm *mm = &row->mm;

	seq_printf(m, "%d %u %s ", mm->pid, mm->uid,
		   row->exited ? "exited" : "alive");
	print_books(m, row, &mm->books, mm->rlimit);
	seq_putc(m, ' ');
	print_comm(m, mm->comm);
	seq_putc(m, '\n');
}

static bool copy_buffer(struct row *row, struct perfmlock_node *cursor)
{
	const struct perfmlock_buffer *buffer;

	buffer = advance(&ledger->buffers, cursor);
	if (!buffer)
		return false;
	row->buffer = *buffer;
	row->uid = buffer->user->uid;
	return true;
}

static void print_buffer(struct seq_file *m, const struct row *row)
{
	const struct perfmlock_buffer *buffer = &row->buffer;

	seq_printf(m, "%llu %d %u %d %s %u %u %ld %ld %ld %ld %u:0x%llx %s ",
		   buffer->id, buffer->pid, row->uid, buffer->event.cpu,
		   kind_names[buffer->kind], buffer->pages, buffer->maps,
		   buffer->kernel_user, buffer->kernel_mm,
		   buffer->correct_user, buffer->correct_mm,
		   buffer->event.type, buffer->event.config,
		   buffer->adopted ? "adopted" : "seen");
	print_comm(m, buffer->comm);
	seq_putc(m, '\n');
}

static bool copy_denial(struct row *row, struct perfmlock_node *cursor)
{
	return perfmlock_history_next(&ledger->denials, &row->seq, &row->denial,
				      &row->times);
}

/* CPUs from this one on, on which such a buffer is to be mapped still. */
static unsigned int cpus_left(int from)
{
	unsigned int cpu, left = 0;

	if (from < 0)
		return 0;
	for_each_online_cpu(cpu)
		if ((int)cpu >= from)
			left++;
	return left;
}

/* @none stands for what is below 0: no value helps, or is large enough. */
static void print_key(struct seq_file *m, const char *key, long value,
		      const char *none)
{
	if (value < 0)
		seq_printf(m, " %s=%s", key, none);
	else
		seq_printf(m, " %s=%ld", key, value);
}

static void print_kb(struct seq_file *m, const char *key, long kb)
{
	print_key(m, key, kb, "none");
}

static void print_denial(struct seq_file *m, const struct row *row)
{
	const struct perfmlock_denial *d = &row->denial;
	unsigned int cpus = cpus_left(d->cpu);
	unsigned int buffers = max(cpus, 1U);
	struct perfmlock_remedy remedy;

	seq_printf(m, "seq=%llu pid=%d uid=%u kind=%s", row->seq, d->actor.pid,
		   d->actor.uid, kind_names[d->kind]);
	/* what the kernel computed, under its own names */
	seq_printf(m, " vma_start=0x%lx vma_end=0x%lx vma_size=%ld user_extra=%ld user_lock_limit=%lu user_locked=%lu locked=%lu lock_limit=%lu pinned_vm=%ld extra=%ld",
		   d->start, d->start + (d->pages << PAGE_SHIFT), d->pages,
		   d->charge.user, d->state.limit,
		   d->charge.user_locked, d->charge.locked, d->state.rlimit,
		   d->state.mm, d->charge.mm);
	seq_printf(m, " user_counter=%ld online_cpus=%u", d->state.user,
		   d->online_cpus);
	/* the same by correct books */
	seq_printf(m, " verdict=%s wrongly=%d correct_user_counter=%ld correct_user_extra=%ld correct_user_locked=%lu correct_pinned_vm=%ld correct_extra=%ld correct_locked=%lu",
		   d->right.over ? "denied" : "admitted", !d->right.over,
		   d->right_state.user, d->right.user, d->right.user_locked,
		   d->right_state.mm, d->right.mm, d->right.locked);
	perfmlock_remedy(d->model, &d->state, d->pages, 1, PAGE_SHIFT,
			 d->online_cpus, &remedy);
	print_kb(m, "min_perf_event_mlock_kb", remedy.mlock_kb);
	print_kb(m, "min_rlimit_memlock_kb", remedy.memlock_kb);
	seq_puts(m, " cap=CAP_IPC_LOCK");
	if (cpus) {
		perfmlock_remedy(d->model, &d->state, d->pages, cpus,
				 PAGE_SHIFT, d->online_cpus, &remedy);
		seq_printf(m, " cpus_left=%u", cpus);
		print_kb(m, "all_cpus_perf_event_mlock_kb", remedy.mlock_kb);
		print_kb(m, "all_cpus_rlimit_memlock_kb", remedy.memlock_kb);
	}
	/* what it holds, this one, and one like it on each CPU from its own on */
	perfmlock_remedy(d->model, &d->restarted, d->held + d->pages * buffers,
			 1, PAGE_SHIFT, d->online_cpus, &remedy);
	print_kb(m, "restart_perf_event_mlock_kb", remedy.mlock_kb);
	print_kb(m, "restart_rlimit_memlock_kb", remedy.memlock_kb);
	seq_printf(m, " held=%ld", d->held);
	print_key(m, "short",
		  perfmlock_short(d->model, &d->state, d->pages, 1), "-");
	if (cpus)
		print_key(m, "all_cpus_short",
			  perfmlock_short(d->model, &d->state, d->pages, cpus),
			  "-");
	seq_printf(m, " fits=%lu", perfmlock_fits(d->model, &d->state, d->kind,
						  d->pages, buffers));
	seq_printf(m, " times=%llu comm=", row->times);
	print_comm(m, d->actor.comm);
	seq_putc(m, '\n');
}

static bool copy_drift(struct row *row, struct perfmlock_node *cursor)
{
	return perfmlock_history_next(&ledger->drifts, &row->seq, &row->drift,
				      &row->times);
}

static void print_drift(struct seq_file *m, const struct row *row)
{
	const struct perfmlock_drifting *d = &row->drift;
	const struct perfmlock_cause_info *cause = &perfmlock_causes[d->cause];

	seq_printf(m, "seq=%llu op=%s kind=%s id=%llu pid=%d uid=%u owner_pid=%d owner_uid=%u pages=%ld",
		   row->seq, step_names[d->step], kind_names[d->kind], d->id,
		   d->actor.pid, d->actor.uid, d->owner_pid, d->owner_uid,
		   d->pages);
	seq_printf(m, " kernel_user=%ld kernel_mm=%ld correct_user=%ld correct_mm=%ld",
		   d->kernel_user, d->kernel_mm, d->correct_user,
		   d->correct_mm);
	seq_printf(m, " cause=%s inherited=%d commit=%s relation=%s times=%llu comm=",
		   cause->name, d->inherited, cause->commit, cause->relation,
		   row->times);
	print_comm(m, d->actor.comm);
	seq_putc(m, '\n');
}

static bool copy_model(struct row *row, struct perfmlock_node *cursor)
{
	unsigned int i = row->seq;

	if (i >= PERFMLOCK_NR_MODELS)
		return false;
	row->model.rule = &perfmlock_models[i];
	/* most steps are such that every rule explains them */
	row->model.agrees = ledger->observed + perfmlock_agrees(ledger, i);
	row->model.disagrees = ledger->disagrees[i];
	row->seq++;
	return true;
}

static void print_model(struct seq_file *m, const struct row *row)
{
	const struct perfmlock_model *rule = row->model.rule;

	seq_printf(m, "%s %s %s %lu %lu\n", rule->name, rule->commit,
		   rule->since, row->model.agrees, row->model.disagrees);
}

static const struct listing listings[] = {
	{
		.name = "users",
		.columns = "uid buffers kernel correct drift counter foreign limit privileged denied wrongly_denied",
		.copy = copy_user,
		.print = print_user,
	}, {
		.name = "mms",
		.columns = "pid uid state buffers kernel correct drift counter foreign rlimit privileged denied wrongly_denied comm",
		.copy = copy_mm,
		.print = print_mm,
	}, {
		.name = "buffers",
		.columns = "id pid uid cpu kind pages maps kernel_user kernel_mm correct_user correct_mm event origin comm",
		.copy = copy_buffer,
		.print = print_buffer,
	}, {
		.name = "denials",
		.columns = "key=value ...",
		.copy = copy_denial,
		.print = print_denial,
	}, {
		.name = "drifts",
		.columns = "key=value ...",
		.copy = copy_drift,
		.print = print_drift,
	}, {
		.name = "models",
		.columns = "name commit since agrees disagrees",
		.copy = copy_model,
		.print = print_model,
	},
};

/* Which list a listing's cursor lives on; a history needs none. */
static struct perfmlock_store *store_of(const struct listing *listing)
{
	if (listing->copy == copy_user)
		return &ledger->users;
	if (listing->copy == copy_mm)
		return &ledger->mms;
	if (listing->copy == copy_buffer)
		return &ledger->buffers;
	return NULL;
}

static void rewind_reader(struct reader *reader)
{
	struct perfmlock_store *store = store_of(reader->listing);
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	if (reader->listed)
		list_del(&reader->cursor.list);
	if (store)
		list_add(&reader->cursor.list, &store->list);
	reader->listed = store;
	perfmlock_unlock(ledger, flags);
	reader->row.seq = 0;
	reader->at = 0;
}

/* Fetch the record of the next line; false: there is none. */
static bool fetch(struct reader *reader)
{
	unsigned long flags;
	bool got;

	do {
		perfmlock_lock(ledger, flags);
		got = reader->listing->copy(&reader->row, &reader->cursor);
		perfmlock_unlock(ledger, flags);
		cond_resched();
	} while (got && reader->row.left_out);
	return got;
}

static void *listing_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct reader *reader = m->private;

	++*pos;
	if (!fetch(reader))
		return NULL;
	reader->at = *pos;
	return reader;
}

static void *listing_start(struct seq_file *m, loff_t *pos)
{
	struct reader *reader = m->private;

	if (*pos == 0) {
		rewind_reader(reader);
		return SEQ_START_TOKEN;
	}
	/* where the last read stopped, its row is still to be printed */
	if (reader->at == *pos)
		return reader;
	if (reader->at != *pos - 1)
		rewind_reader(reader);
	while (reader->at < *pos) {
		if (!fetch(reader))
			return NULL;
		reader->at++;
	}
	return reader;
}

static void listing_stop(struct seq_file *m, void *v)
{
}

static int listing_show(struct seq_file *m, void *v)
{
	struct reader *reader = m->private;

	if (v == SEQ_START_TOKEN)
		seq_printf(m, "perfmlock %s - version: %d\n# %s\n",
			   reader->listing->name, CONTRACT_VERSION,
			   reader->listing->columns);
	else
		reader->listing->print(m, &reader->row);
	return 0;
}

static const struct seq_operations listing_ops = {
	.start = listing_start,
	.next = listing_next,
	.stop = listing_stop,
	.show = listing_show,
};

static int listing_open(struct inode *inode, struct file *file)
{
	struct reader *reader;

	reader = __seq_open_private(file, &listing_ops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->listing = inode->i_private;
	return 0;
}

static int listing_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct reader *reader = m->private;
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	if (reader->listed)
		list_del(&reader->cursor.list);
	perfmlock_unlock(ledger, flags);
	return seq_release_private(inode, file);
}

static const struct file_operations listing_fops = {
	.owner = THIS_MODULE,
	.open = listing_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = listing_release,
};

static void print_models(struct seq_file *m)
{
	unsigned long most = 0;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		most = max(most, perfmlock_agrees(ledger, i));
	seq_puts(m, "model:");
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (perfmlock_agrees(ledger, i) == most)
			seq_printf(m, " %s", perfmlock_models[i].name);
	seq_puts(m, most ? "\n" : " (nothing seen that tells them apart)\n");
}

static void print_known(struct seq_file *m, const char *key, int value)
{
	if (value == PERFMLOCK_NOT_KNOWN)
		seq_printf(m, "%s: -\n", key);
	else
		seq_printf(m, "%s: %d\n", key, value);
}

/* A probe that misses more than it sees shows too little to go by. */
static const char *state_of(const struct perfmlock_hook_state *hook, bool armed)
{
	if (!armed)
		return "off";
	return hook->missed > hook->seen && hook->seen + hook->missed > 1 ?
	       "blind" : "armed";
}

static const char *limits_from(void)
{
	if (perfmlock_kernel.mlock_kb && perfmlock_kernel.paranoid)
		return "kernel";
	if (perfmlock_mlock_kb() == PERFMLOCK_NOT_KNOWN)
		return "nowhere (nothing is judged by them)";
	return "/proc/sys (up to a second old)";
}

static int status_show(struct seq_file *m, void *v)
{
	unsigned int i, users, mms, buffers, adopted;
	struct perfmlock_hook_state hook;
	struct perfmlock_totals totals;
	struct perfmlock_walks walks;
	unsigned long flags;
	bool armed, careful, taught;

	armed = perfmlock_hooks_armed();
	perfmlock_walks(&walks);
	perfmlock_lock(ledger, flags);
	totals = ledger->totals;
	users = ledger->users.nr;
	mms = ledger->mms.nr;
	buffers = ledger->buffers.nr;
	adopted = ledger->adopted;
	careful = ledger->careful;
	taught = ledger->taught;
	perfmlock_unlock(ledger, flags);

	seq_printf(m, "version: %s\n", THIS_MODULE->version);
	seq_printf(m, "contract: %d\n", CONTRACT_VERSION);
	seq_printf(m, "kernel: %s\n", init_utsname()->release);
	seq_printf(m, "counter: user_struct::%s\n",
		   __stringify(perfmlock_user_counter));
	for (i = 0; perfmlock_hook_state(i, &hook); i++)
		seq_printf(m, "hook_%s: %s missed=%lu\n", hook.symbol,
			   state_of(&hook, armed), hook.missed);
	print_models(m);
	/* where others share U, any user but root can make it look like another */
	seq_printf(m, "model_certain: %d\n", ledger->exclusive || taught);

	seq_printf(m, "limits_from: %s\n", limits_from());
	print_known(m, "perf_event_mlock_kb", perfmlock_mlock_kb());
	print_known(m, "perf_event_paranoid", perfmlock_paranoid());
	seq_printf(m, "online_cpus: %u\n", num_online_cpus());
	if (perfmlock_mlock_kb() == PERFMLOCK_NOT_KNOWN)
		seq_puts(m, "user_lock_limit: -\n");
	else
		seq_printf(m, "user_lock_limit: %lu\n", perfmlock_limit());

	seq_printf(m, "users: %u\n", users);
	seq_printf(m, "mms: %u\n", mms);
	seq_printf(m, "buffers: %u\n", buffers);
	seq_printf(m, "adopted: %u\n", adopted);

	seq_printf(m, "maps: %lu\n", totals.mmaps);
	seq_printf(m, "remaps: %lu\n", totals.remaps);
	seq_printf(m, "opens: %lu\n", totals.opens);
	seq_printf(m, "closes: %lu\n", totals.closes);
	seq_printf(m, "failed: %lu\n", totals.failed);
	seq_printf(m, "denied: %lu\n", totals.denied);
	seq_printf(m, "wrongly_denied: %lu\n", totals.wrongly_denied);
	seq_printf(m, "privileged: %lu\n", totals.privileged);
	seq_printf(m, "other_eperm: %lu\n", totals.other_eperm);
	seq_printf(m, "drifts: %lu\n", totals.drifts);

	/* what was not seen, or not seen alone */
	seq_printf(m, "untracked: %lu\n",
		   perfmlock_hooks_missed() + totals.pool_empty +
		   totals.calls_full + adopted);
	seq_printf(m, "missed: %lu\n", perfmlock_hooks_missed());
	seq_printf(m, "pool_empty: %lu\n", totals.pool_empty);
	seq_printf(m, "calls_full: %lu\n", totals.calls_full);
	seq_printf(m, "unknown_closes: %lu\n", totals.unknown_closes);
	seq_printf(m, "resynced: %lu\n", totals.resynced);
	seq_printf(m, "stale: %lu\n", totals.stale);
	seq_printf(m, "overlaps: %lu\n", totals.overlaps);
	seq_printf(m, "disturbed: %lu\n", totals.disturbed);
	seq_printf(m, "settled: %lu\n", totals.settled);
	seq_printf(m, "either_way: %lu\n", totals.either_way);
	seq_printf(m, "careful: %d\n", careful);
	seq_printf(m, "walks: %lu\n", walks.walks);
	seq_printf(m, "busy: %u\n", walks.busy);
#ifdef PERFMLOCK_HOLD_TIMES
	seq_printf(m, "longest_hold_ns: %llu\n",
		   READ_ONCE(perfmlock_longest_hold));
	seq_printf(m, "held_ns: %llu\n", READ_ONCE(perfmlock_held));
#endif
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(status);

/* Write 1: forget denials, drifts and counts. Never a live buffer. */
static ssize_t reset_write(struct file *file, const char __user *from,
			   size_t count, loff_t *pos)
{
	char text[4] = "";

	if (*pos || !count || count > 2)
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	if (text[0] != '1' || (count == 2 && text[1] != '\n'))
		return -EINVAL;
	perfmlock_ledger_reset(ledger);
	*pos += count;
	return count;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = reset_write,
	.llseek = noop_llseek,
};

/**
 * perfmlock_views_create() - make the debugfs files
 * @books: what they show
 *
 * Context: process, may sleep.
 *
 * Return: 0; or an error, with one line in the log that says what is missing,
 * and no file left.
 */
int perfmlock_views_create(struct perfmlock_ledger *books)
{
	unsigned int i;

	ledger = books;
	root = debugfs_create_dir("perfmlock", NULL);
	if (IS_ERR_OR_NULL(root)) {
		pr_err("no debugfs to show anything in: CONFIG_DEBUG_FS=y is needed, and debugfs=on\n");
		return root ? PTR_ERR(root) : -ENODEV;
	}
	/* no write bit on what is read: lockdown would hide it */
	for (i = 0; i < ARRAY_SIZE(listings); i++)
		debugfs_create_file(listings[i].name, 0400, root,
				    (void *)&listings[i], &listing_fops);
	debugfs_create_file("status", 0400, root, NULL, &status_fops);
	debugfs_create_file("reset", 0200, root, NULL, &reset_fops);
	return 0;
}

/**
 * perfmlock_views_remove() - take the files away, and wait for their readers
 *
 * Context: process, may sleep.
 */
void perfmlock_views_remove(void)
{
	debugfs_remove_recursive(root);
}
