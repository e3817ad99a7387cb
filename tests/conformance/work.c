// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The fixture's side of numbers on the wire, work queues and CPUs. */
#include <stdio.h>

#include "tests/conformance/fixture.h"

/* ---- numbers on the wire --------------------------------------------------------------------- */

struct conf_entry fx_entry(struct fx *fx, unsigned int slot, uint32_t number)
{
	struct conf_entry entry = { 0 };

	assert_int_equal(fx->env.home->walk(fx->hw[slot], number, &entry), 0);
	return entry;
}

struct fx_numbers fx_numbers(struct fx *fx, unsigned int slot)
{
	unsigned int i, numbers = 1U << fx->machine->pasid_bits;
	struct fx_numbers n = { { false } };

	assert_true(fx->machine->pasid_bits && numbers <= FX_NUMBERS);
	for (i = 1; i < numbers; i++)
		n.present[i] = fx_entry(fx, slot, i).present;
	return n;
}

unsigned int fx_count(const struct fx_numbers *n)
{
	unsigned int i, count = 0;

	for (i = 0; i < FX_NUMBERS; i++)
		count += n->present[i];
	return count;
}

uint32_t fx_wire_at(struct fx *fx, unsigned int slot, const struct fx_numbers *before,
		    uint32_t besides, const char *file, int line)
{
	struct fx_numbers now = fx_numbers(fx, slot);
	uint32_t i, found = 0, count = 0;

	for (i = 1; i < FX_NUMBERS; i++) {
		if (!now.present[i] || before->present[i] || i == besides)
			continue;
		found = i;
		count++;
	}
	if (count == 1 && (!besides || now.present[besides]))
		return found;
	printf("# %s:%d: %u numbers have come besides %u, one was expected\n", file, line, count,
	       besides);
	_fail(file, line);
	return 0;
}

uint32_t fx_attach_wire(struct fx *fx, unsigned int slot, uint32_t ioasid, uint32_t vpasid)
{
	struct fx_numbers before = fx_numbers(fx, slot);
	bool was = before.present[vpasid];
	struct fx_numbers now;

	assert_int_equal(ioasid_dev_attach_pasid(fx->dev[slot], ioasid, vpasid, 0), 0);
	now = fx_numbers(fx, slot);
	/* A whole function has it on the wire besides. */
	if (now.present[vpasid] && !was && fx_count(&now) == fx_count(&before) + 2)
		return fx_wire(fx, slot, &before, vpasid);
	return fx_wire(fx, slot, &before, 0);
}

bool fx_leads_alike(struct fx *fx, unsigned int a, uint32_t number_a, unsigned int b,
		    uint32_t number_b)
{
	struct conf_entry ea = fx_entry(fx, a, number_a), eb = fx_entry(fx, b, number_b);

	return ea.present && eb.present && ea.table == eb.table;
}

/* ---- work queues ------------------------------------------------------------------------------------ */

uint32_t fx_reg(struct fx *fx, unsigned int slot, uint32_t offset)
{
	uint32_t value = 0;

	assert_int_equal(fx->env.home->wq_read(fx->hw[slot], offset, &value), 0);
	return value;
}

int fx_set_reg(struct fx *fx, unsigned int slot, uint32_t offset, uint32_t value)
{
	return fx->env.home->wq_write(fx->hw[slot], offset, value);
}

void fx_enable(struct fx *fx, unsigned int slot, uint32_t queue)
{
	assert_int_equal(fx_set_reg(fx, slot, IOASID_WQ_QUEUE(queue) + IOASID_WQ_REG_CONTROL,
				    IOASID_WQ_ENABLE),
			 0);
}

int fx_program(struct fx *fx, unsigned int slot, uint32_t vpasid)
{
	uint32_t queue = IOASID_WQ_QUEUE(FX_DEDICATED);
	uint32_t value = vpasid == CONF_RID ? 0 : vpasid | IOASID_WQ_PASID_VALID;
	int rc;

	assert_int_equal(fx_set_reg(fx, slot, queue + IOASID_WQ_REG_CONTROL, 0), 0);
	rc = fx_set_reg(fx, slot, queue + IOASID_WQ_REG_PASID, value);
	if (!rc)
		fx_enable(fx, slot, FX_DEDICATED);
	return rc;
}

struct fx_work fx_work(uint64_t addr)
{
	static uint64_t serial = 0x30b0000000000000ULL;
	uint64_t value = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);

	return (struct fx_work){
		.value = value,
		.desc = {
			.op = IOASID_WQ_FILL,
			.length = 8,
			.completion = addr + 64,
			.src = value,
			.dst = addr,
		},
	};
}

bool fx_store(struct fx *fx, unsigned int slot, const struct fx_work *w)
{
	int rc = fx->env.home->wq_store(fx->hw[slot], FX_DEDICATED, 0, &w->desc, sizeof(w->desc),
					CONF_STORE_MOVDIR64B);

	assert_true(rc >= 0);
	return rc;
}

bool fx_dmwr(struct fx *fx, unsigned int slot, uint32_t ppasid, const struct fx_work *w)
{
	struct ioasid_wq_desc desc = w->desc;
	int rc;

	desc.pasid = ppasid;
	rc = fx->env.home->wq_store(fx->hw[slot], FX_SHARED, 0, &desc, sizeof(desc),
				    CONF_STORE_DMWR);
	assert_true(rc >= 0);
	return rc;
}

static void fail_work(const char *file, int line, const char *what, uint64_t detail)
{
	printf("# %s:%d: work: %s (%#lx)\n", file, line, what, detail);
	_fail(file, line);
}

void fx_landed_at(struct fx *fx, unsigned int slot, const struct fx_work *w, size_t page,
		  const char *file, int line)
{
	uint8_t *ram = fx->g.ram + page * GUEST_PAGE, *shadow = fx->g.shadow + page * GUEST_PAGE;
	struct ioasid_wq_completion c = { 0 };
	size_t other;

	memset(ram + 64, 0, sizeof(c));
	memset(shadow + 64, 0, sizeof(c));
	if (fx->env.home->wq_run(fx->hw[slot], 1) != 1)
		fail_work(file, line, "the engine has nothing to do", 0);
	memcpy(&c, ram + 64, sizeof(c));
	if (c.status != IOASID_WQ_DONE)
		fail_work(file, line, "not completed there", c.status);
	if (memcmp(ram, &w->value, 8))
		fail_work(file, line, "completed, and the bytes are elsewhere", w->desc.dst);
	memcpy(shadow, &w->value, 8);
	memcpy(shadow + 64, &c, sizeof(c));
	if (!guest_data_intact(&fx->g, &other))
		fail_work(file, line, "changed another page as well", other);
}

void fx_lost_at(struct fx *fx, unsigned int slot, const char *file, int line)
{
	size_t page;

	fx->env.home->wq_run(fx->hw[slot], 64);
	if (!guest_data_intact(&fx->g, &page))
		fail_work(file, line, "should be lost, and changed a page", page);
}

void fx_dedicated_lands_at(struct fx *fx, unsigned int slot, uint64_t addr, size_t page,
			   const char *file, int line)
{
	struct fx_work w = fx_work(addr);

	if (!fx_store(fx, slot, &w))
		fail_work(file, line, "the dedicated queue does not take it",
			  fx_reg(fx, slot, IOASID_WQ_REG_ERROR));
	fx_landed_at(fx, slot, &w, page, file, line);
}

/* ---- CPUs ------------------------------------------------------------------------------------------- */

void fx_vm(struct fx *fx)
{
	fx->vm[0] = fx->env.home->vm_create(&fx->env);
	assert_non_null(fx->vm[0]);
	fx->vcpu[0] = fx->env.home->vcpu_create(fx->vm[0]);
	assert_non_null(fx->vcpu[0]);
}

/* All CPUs go with the first VM, which goes first. */
void fx_vm_destroy(struct fx *fx, unsigned int slot)
{
	unsigned int i;

	for (i = 0; !slot && i < FX_VCPUS; i++) {
		if (fx->vcpu[i])
			fx->env.home->vcpu_destroy(fx->vcpu[i]);
		fx->vcpu[i] = NULL;
	}
	fx->env.home->vm_destroy(fx->vm[slot]);
	fx->vm[slot] = NULL;
}

int fx_vm_fd(struct fx *fx)
{
	return fx->env.home->vm_fd(fx->vm[0]);
}

enum fx_sent fx_enqcmd(struct fx *fx, unsigned int cpu, unsigned int slot, uint32_t vpasid,
		       const struct fx_work *w)
{
	struct conf_enqcmd insn = { .cpl = 3, .src = &w->desc };

	assert_int_equal(fx->env.home->wrmsr_pasid(fx->vcpu[cpu], vpasid | 1ULL << 31), 0);
	switch (fx->env.home->enqcmd(fx->vcpu[cpu], fx->hw[slot], FX_SHARED, &insn)) {
	case CONF_ENQCMD_GP:
		return FX_GP;
	case CONF_ENQCMD_EXIT:
		assert_int_equal(insn.exit_reason, 72);
		assert_int_equal(insn.vpasid, vpasid);
		return FX_EXIT;
	case CONF_ENQCMD_RETIRED:
		break;
	}
	return insn.zf ? FX_RETRY : FX_ACCEPTED;
}

void fx_shared_lands_at(struct fx *fx, unsigned int slot, uint32_t vpasid, uint64_t addr,
			size_t page, const char *file, int line)
{
	struct fx_work w = fx_work(addr);
	enum fx_sent sent = fx_enqcmd(fx, 0, slot, vpasid, &w);

	if (sent != FX_ACCEPTED)
		fail_work(file, line, "ENQCMD was not accepted", sent);
	fx_landed_at(fx, slot, &w, page, file, line);
}
