// An app on @contextco/context-generated 14.0.0: sends what the client can send, reads what it can.
//   node app.mjs RUN
// RUN marks its transcripts. Prints one line of JSON: what every call returned.

import { ContextAPI } from "@contextco/context-generated";

const ARRIVAL_MS_MAX = 30_000;
const LOOK_INTERVAL_MS = 100;
const TENANT = 7; // the client reads with numbers only
const REFUSED_CODE = 3;

async function main(run) {
  const client = connect();
  const answers = await send(client, run);
  Object.assign(answers, await arrival(client, run));
  Object.assign(answers, await read(client, answers.thread.data.id));
  Object.assign(answers, await evaluate(client, run));
  console.log(JSON.stringify(answers));
}

function connect() {
  const token = process.env.CAUSERIE_TEST_TOKEN;
  return new ContextAPI({
    credential: { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) },
    credentialScopes: "unused",
    endpoint: process.env.CAUSERIE_TEST_ENDPOINT,
  });
}

async function send(client, run) {
  const answers = {};
  answers.log = await client.log.conversation({ body: { conversation: shopTalk(run) } });
  answers.logTenant = await client.log.conversation({
    tenantId: String(TENANT),
    body: { conversation: shopTalk(run) },
  });
  for (const turns of [1, 2]) {
    const body = { conversation: grown(run, turns) };
    answers[`upsert${turns}`] = await client.log.conversationUpsert({ body });
  }
  answers.thread = await client.log.conversationThread({
    body: { conversation: thread(run, { role: "user", message: "Where is my parcel?" }) },
  });
  const id = answers.thread.data.id;
  answers.append = await client.log.conversationThread({
    body: {
      conversation: { id, ...thread(run, { role: "assistant", message: "It arrives tomorrow." }) },
    },
  });
  answers.patch = await client.log.updateConversationThread(id, { body: [{ rating: 1 }] });
  return answers;
}

// A transcript with everything in it that the client knows.
function shopTalk(run) {
  const start = Date.now() - 3_600_000;
  return {
    metadata: { run, call: "log", user_id: `user-${run}`, model: "gpt-4-32k" },
    feedback: "Quick and friendly.",
    messages: [
      { role: "system", message: "You sell shoes." },
      {
        role: "user",
        message: "Do you have the blue ones in 43?",
        eventTimestamp: new Date(start),
        metadata: { page: "shoes" },
      },
      { type: "tool", name: "stock", thought: "Look.", input: { size: 43 }, observation: "2" },
      {
        role: "assistant",
        message: "Yes, two pairs. ¿Algo más? 靴も。",
        eventTimestamp: new Date(start + 3_000),
        rating: 1,
      },
      { type: "event", name: "Checkout", metadata: { basket: "1" } },
    ],
  };
}

// The same transcript, grown to `turns` questions with their answers.
function grown(run, turns) {
  const messages = [];
  for (let turn = 1; turn <= turns; turn += 1) {
    messages.push({ role: "user", message: `Question ${turn} of ${run}` });
    messages.push({ role: "assistant", message: `Answer ${turn} of ${run}` });
  }
  return { messages, metadata: { run, call: "upsert" } };
}

function thread(run, message) {
  return { messages: [message], metadata: { run, call: "thread" } };
}

// Looks until all that was sent can be read: it is kept at once, and shown soon after.
async function arrival(client, run) {
  const deadline = Date.now() + ARRIVAL_MS_MAX;
  for (;;) {
    const conversations = await ofRun(client, run, {});
    const conversationsTenant = await ofRun(client, run, { tenantId: TENANT });
    const all = arrived(conversations) && conversationsTenant.length > 0;
    if (all || Date.now() > deadline) return { conversations, conversationsTenant };
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
}

async function ofRun(client, run, options) {
  const page = await client.conversations({ page: 1, perPage: 100, ...options });
  return page.conversations.filter((item) => item.metadata.run === run);
}

function arrived(found) {
  const lengths = Object.fromEntries(found.map((i) => [i.metadata.call, i.messages.length]));
  return "log" in lengths && lengths.upsert === 4 && lengths.thread === 2;
}

async function read(client, threadId) {
  return {
    conversation: await client.conversation(threadId),
    pagination: (await client.conversations({ page: 1, perPage: 2 })).pagination,
    series: await client.conversationSeries(),
    sentiment: await client.sentiment({ period: "day" }),
    rating: await client.rating({ period: "day" }),
    volume: await client.volume({ period: "day" }),
    volumeTenant: await client.volume({ period: "week", tenantId: String(TENANT) }),
  };
}

// A test set in two versions, a run of the second, its results.
async function evaluate(client, run) {
  const name = `set ${run}`;
  const testSet = await client.log.testSets({ body: testSetOf(name, "one", "two") });
  const grownSet = await client.log.testSets({
    body: testSetOf(name, "two", "three"),
    copyTestCasesFrom: "prior_version",
  });
  const body = { testSetName: name, version: grownSet.version };
  const begun = await client.evaluations.run({ body });
  const again = await client.evaluations.run({ body });
  const deadline = Date.now() + ARRIVAL_MS_MAX;
  for (;;) {
    const result = await client.evaluations.result(begun.data.runId);
    const isOver = !["pending", "running"].includes(result.status);
    if (isOver || Date.now() > deadline) return { testSet, grownSet, begun, again, result };
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
}

function testSetOf(name, ...cases) {
  return {
    name,
    testCases: cases.map((one) => ({
      name: one,
      messages: [{ role: "user", message: `Say ${one}` }],
      pregeneratedResponse: `${one}!`,
      evaluators: [{ evaluator: "golden_response", options: { golden_response: "two" } }],
    })),
    evaluators: [{ evaluator: "no_refusal" }],
  };
}

try {
  await main(process.argv[2]);
} catch (error) {
  if (error.name !== "RestError" || !error.statusCode) throw error;
  const { name, statusCode, message } = error;
  console.log(JSON.stringify({ refused: { type: name, status: statusCode, message } }));
  process.exitCode = REFUSED_CODE;
}
