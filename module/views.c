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

#include "kernel.h"
#include "ledger.h"
#include "log.h"
#include "refusal.h"
#include "switch.h"
#include "views.h"
#include "words.h"

static struct perfmlock_ledger *ledger;
static struct dentry *root;
static int (*make_audit)(struct perfmlock_audit *result);

/* One record, copied; and what was read beside it at the same moment. */
struct row {
	union {
		struct perfmlock_user user;
		struct perfmlock_mm mm;
		struct perfmlock_buffer buffer;
		struct perfmlock_denial denial;
		struct perfmlock_failure failure;
		struct perfmlock_drifting drift;
		struct {
			const struct perfmlock_model *rule;
			unsigned long agrees;
			unsigned long disagrees;
		} model;
	};
	struct perfmlock_counts counts;
	struct perfmlock_reading reading;
	u64 seq;
	u64 times;
	long counter;
	unsigned long limit;
	uid_t uid;
	bool exited;
	bool left_out;
};

/**
 * struct column - of a listing
 * @name: in line 2; NULL: there are no more
 * @width: of its cells; 0 of the last one
 */
struct column {
	const char *name;
	unsigned int width;
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
	const struct column *columns;
	bool (*copy)(struct row *row, struct perfmlock_node *cursor);
	void (*print)(struct seq_file *m, const struct row *row);
};

/**
 * struct reader - an open listing
 * @listing: which
 * @column: of the next cell
 * @cursor: the reader's place in a store's list, while @listed
 * @listed: @cursor is on the list
 * @at: lines given out, the two of the head included
 * @row: the record at @at, and what was read of a history
 */
struct reader {
	const struct listing *listing;
	const struct column *column;
	struct perfmlock_node cursor;
	bool listed;
	loff_t at;
	struct row row;
};

/*
 * The next cell of the row: right-aligned in its column, a longer one pushes
 * those behind it. The first is left-aligned, and the last has no width.
 */
static __printf(2, 3) void cell(struct seq_file *m, const char *format, ...)
{
	struct reader *reader = m->private;
	const struct column *column = reader->column++;
	char text[PERFMLOCK_COMM_TEXT];
	va_list args;

	va_start(args, format);
	vscnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (column == reader->listing->columns)
		seq_printf(m, "%-*s", column->width, text);
	else
		seq_printf(m, " %*s", column->width, text);
	if (!reader->column->name)
		seq_putc(m, '\n');
}

/* The names of the columns, in their widths. */
static void print_columns(struct seq_file *m)
{
	struct reader *reader = m->private;

	reader->column = reader->listing->columns;
	cell(m, "# %s", reader->column->name);
	while (reader->column->name)
		cell(m, "%s", reader->column->name);
}

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
	char text[PERFMLOCK_NUMBER_TEXT];

	cell(m, "%u", books->buffers);
	cell(m, "%ld", books->kernel);
	cell(m, "%ld", books->correct);
	cell(m, "%ld", perfmlock_drift(books->kernel, books->correct));
	cell(m, "%ld", row->counter);
	cell(m, "%ld", perfmlock_foreign(row->counter,
					 perfmlock_on_counter(books)));
	cell(m, "%s", perfmlock_limit_text(text, limit, 0));
	cell(m, "%lu", row->counts.privileged);
	cell(m, "%lu", row->counts.denied);
	cell(m, "%lu", row->counts.wrongly_denied);
}

static void print_user(struct seq_file *m, const struct row *row)
{
	cell(m, "%u", row->user.uid);
	print_books(m, row, &row->user.books, row->limit);
	cell(m, "%ld", row->user.mm_pages);
	cell(m, "%ld", row->user.books.repaired);
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
	char comm[PERFMLOCK_COMM_TEXT];
	u64 cgroup = row->exited ? 0 : perfmlock_cgroup_of_mm(mm->pid,
							     mm->node.key);

	cell(m, "%d", mm->pid);
	cell(m, "%u", mm->uid);
	cell(m, "%s", row->exited ? "exited" : "alive");
	print_books(m, row, &mm->books, mm->rlimit);
	if (cgroup)
		cell(m, "%llu", cgroup);
	else
		cell(m, "-");
	cell(m, "%ld", mm->books.repaired);
	cell(m, "%s", perfmlock_comm_text(comm, mm->comm, ""));
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
	char comm[PERFMLOCK_COMM_TEXT];

	cell(m, "%llu", buffer->id);
	cell(m, "%d", buffer->pid);
	cell(m, "%u", row->uid);
	cell(m, "%d", buffer->event.cpu);
	cell(m, "%s", perfmlock_kind_text(buffer->kind));
	cell(m, "%u", buffer->pages);
	cell(m, "%u", buffer->maps);
	cell(m, "%ld", buffer->kernel_user);
	cell(m, "%ld", buffer->kernel_mm);
	cell(m, "%ld", buffer->correct_user);
	cell(m, "%ld", buffer->correct_mm);
	cell(m, "%u:0x%llx", buffer->event.type, buffer->event.config);
	cell(m, "%s", buffer->adopted ? "adopted" : "seen");
	cell(m, "%s", perfmlock_comm_text(comm, buffer->comm, ""));
}

static bool copy_past(const struct perfmlock_history *history, struct row *row,
		      void *entry)
{
	return perfmlock_history_read(history, ledger->epoch, &row->reading,
				      &row->seq, entry, &row->times);
}

static bool copy_denial(struct row *row, struct perfmlock_node *cursor)
{
	return copy_past(&ledger->denials, row, &row->denial);
}

static void print_denial(struct seq_file *m, const struct row *row)
{
	perfmlock_refusal_show(m, row->seq, row->times, &row->denial);
}

static bool copy_failure(struct row *row, struct perfmlock_node *cursor)
{
	return copy_past(&ledger->failures, row, &row->failure);
}

static void print_failure(struct seq_file *m, const struct row *row)
{
	const struct perfmlock_failure *f = &row->failure;
	char error[PERFMLOCK_NUMBER_TEXT], comm[PERFMLOCK_COMM_TEXT];

	seq_printf(m, "seq=%llu", row->seq);
	perfmlock_who_show(m, &f->actor, &f->scene, &f->event);
	seq_printf(m, " pages=%ld kind=%s errno=%s reason=%s times=%llu comm=%s\n",
		   f->pages, perfmlock_kind_text(f->kind),
		   perfmlock_errno_text(error, f->error),
		   perfmlock_why_text(f->why), row->times,
		   perfmlock_comm_text(comm, f->actor.comm, ""));
}

static bool copy_drift(struct row *row, struct perfmlock_node *cursor)
{
	return copy_past(&ledger->drifts, row, &row->drift);
}

static void print_drift(struct seq_file *m, const struct row *row)
{
	const struct perfmlock_drifting *d = &row->drift;
	const struct perfmlock_cause_info *cause = &perfmlock_causes[d->cause];
	char time[PERFMLOCK_TIME_TEXT], comm[PERFMLOCK_COMM_TEXT];

	seq_printf(m, "seq=%llu time=%s op=%s kind=%s id=%llu pid=%d uid=%u owner_pid=%d owner_uid=%u pages=%ld",
		   row->seq, perfmlock_time_text(time, d->scene.time),
		   perfmlock_step_text(d->step), perfmlock_kind_text(d->kind), d->id,
		   d->actor.pid, d->actor.uid, d->owner_pid, d->owner_uid,
		   d->pages);
	seq_printf(m, " kernel_user=%ld kernel_mm=%ld correct_user=%ld correct_mm=%ld",
		   d->kernel_user, d->kernel_mm, d->correct_user,
		   d->correct_mm);
	seq_printf(m, " cause=%s inherited=%d commit=%s relation=%s times=%llu comm=%s\n",
		   cause->name, d->inherited, cause->commit, cause->relation,
		   row->times, perfmlock_comm_text(comm, d->actor.comm, ""));
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

	cell(m, "%s", rule->name);
	cell(m, "%s", rule->commit);
	cell(m, "%s", rule->since);
	cell(m, "%lu", row->model.agrees);
	cell(m, "%lu", row->model.disagrees);
}

static const struct column users_columns[] = {
	{ "uid", 10 }, { "buffers", 7 }, { "kernel", 8 }, { "correct", 8 },
	{ "drift", 8 }, { "counter", 8 }, { "foreign", 8 }, { "limit", 9 },
	{ "privileged", 10 }, { "denied", 6 }, { "wrongly_denied", 14 },
	{ "mm_pages", 8 }, { "repaired", 0 },
	{}
};

static const struct column mms_columns[] = {
	{ "pid", 7 }, { "uid", 10 }, { "state", 6 }, { "buffers", 7 },
	{ "kernel", 8 }, { "correct", 8 }, { "drift", 8 }, { "counter", 8 },
	{ "foreign", 8 }, { "rlimit", 9 }, { "privileged", 10 },
	{ "denied", 6 }, { "wrongly_denied", 14 }, { "cgroup", 8 },
	{ "repaired", 8 },
	{ "comm", 0 },
	{}
};

static const struct column buffers_columns[] = {
	{ "id", 8 }, { "pid", 7 }, { "uid", 10 }, { "cpu", 3 }, { "kind", 4 },
	{ "pages", 7 }, { "maps", 4 }, { "kernel_user", 11 },
	{ "kernel_mm", 9 }, { "correct_user", 12 }, { "correct_mm", 10 },
	{ "event", 10 }, { "origin", 7 }, { "comm", 0 },
	{}
};

static const struct column models_columns[] = {
	{ "name", 6 }, { "commit", 12 }, { "since", 9 }, { "agrees", 10 },
	{ "disagrees", 0 },
	{}
};

static const struct column key_value_columns[] = {
	{ "key=value ...", 0 },
	{}
};

static const struct listing listings[] = {
	{
		.name = "users",
		.columns = users_columns,
		.copy = copy_user,
		.print = print_user,
	}, {
		.name = "mms",
		.columns = mms_columns,
		.copy = copy_mm,
		.print = print_mm,
	}, {
		.name = "buffers",
		.columns = buffers_columns,
		.copy = copy_buffer,
		.print = print_buffer,
	}, {
		.name = "denials",
		.columns = key_value_columns,
		.copy = copy_denial,
		.print = print_denial,
	}, {
		.name = "failures",
		.columns = key_value_columns,
		.copy = copy_failure,
		.print = print_failure,
	}, {
		.name = "drifts",
		.columns = key_value_columns,
		.copy = copy_drift,
		.print = print_drift,
	}, {
		.name = "models",
		.columns = models_columns,
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
	reader->row.reading.begun = false;
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

	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "perfmlock %s - version: %d\n",
			   reader->listing->name, PERFMLOCK_CONTRACT);
		print_columns(m);
		return 0;
	}
	reader->column = reader->listing->columns;
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
	/* what its lines tell of a refusal is not all known at once */
	if (reader->listing->copy == copy_denial)
		perfmlock_log_flush();
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

DEFINE_SHOW_ATTRIBUTE(perfmlock_status);

/* Its longest: each of the findings is a line. */
#define AUDIT_TEXT	(128 * (PERFMLOCK_FINDINGS + 24))

/* Each who opens it has an audit of his own, of that moment. */
static int audit_open(struct inode *inode, struct file *file)
{
	struct perfmlock_audit *audit = kvzalloc(sizeof(*audit), GFP_KERNEL);
	int ret = audit ? make_audit(audit) : -ENOMEM;

	if (!ret)
		ret = single_open_size(file, perfmlock_audit_show, audit,
				       AUDIT_TEXT);
	if (ret)
		kvfree(audit);
	return ret;
}

static int audit_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kvfree(m->private);
	return single_release(inode, file);
}

static const struct file_operations audit_fops = {
	.owner = THIS_MODULE,
	.open = audit_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = audit_release,
};

/* Write 1: forget denials, failures, drifts and counts. Never a live buffer. */
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

/* Each write is one word, wherever it is said to be. */
static ssize_t repair_write(struct file *file, const char __user *from,
			    size_t count, loff_t *pos)
{
	char text[8] = "";
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	if (memchr(text, '\0', count))
		return -EINVAL;
	ret = perfmlock_switch_set(text);
	return ret ?: count;
}

static const struct file_operations repair_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = repair_write,
	.llseek = noop_llseek,
};

/**
 * perfmlock_views_create() - make the debugfs files
 * @books: what they show
 * @audit: walks, and holds the books against what is; 0 or an error
 *
 * Context: process, may sleep.
 *
 * Return: 0; or an error, with one line in the log that says what is missing,
 * and no file left.
 */
int perfmlock_views_create(struct perfmlock_ledger *books,
			   int (*audit)(struct perfmlock_audit *result))
{
	unsigned int i;

	ledger = books;
	make_audit = audit;
	root = debugfs_create_dir("perfmlock", NULL);
	if (IS_ERR_OR_NULL(root)) {
		pr_err("no debugfs to show anything in: CONFIG_DEBUG_FS=y is needed, and debugfs=on\n");
		return root ? PTR_ERR(root) : -ENODEV;
	}
	/* no write bit on what is read: lockdown would hide it */
	for (i = 0; i < ARRAY_SIZE(listings); i++)
		debugfs_create_file(listings[i].name, 0400, root,
				    (void *)&listings[i], &listing_fops);
	debugfs_create_file("status", 0400, root, books,
			    &perfmlock_status_fops);
	debugfs_create_file("audit", 0400, root, NULL, &audit_fops);
	debugfs_create_file("reset", 0200, root, NULL, &reset_fops);
	debugfs_create_file("repair", 0200, root, NULL, &repair_fops);
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
