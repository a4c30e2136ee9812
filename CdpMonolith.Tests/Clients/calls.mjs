// Sends calls of every kind with a real client library, and says on the last line what it sent:
//   node calls.mjs CLIENT HOST WRITE_KEY ROUNDS PAUSE_MS
import { createRequire } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'

const require = createRequire(import.meta.url)
const [name, host, writeKey, rounds, wait] = process.argv.slice(2)
const sent = []

const clients = {
  segment() {
    const { Analytics } = require('@segment/analytics-node')
    const analytics = new Analytics({ writeKey, host, flushAt: 4, flushInterval: 50, maxRetries: 30 })
    analytics.on('error', fault => console.error(fault))
    return { send: (type, call) => analytics[type](call), end: () => analytics.closeAndFlush({ timeout: 30000 }), alias: true, screen: true }
  },
  rudderstack() {
    const Analytics = require('@rudderstack/rudder-sdk-node')
    const analytics = new Analytics(writeKey, {
      dataPlaneUrl: host, flushAt: 4, flushInterval: 50, retryCount: 30, logLevel: 'error',
      axiosRetryConfig: { retryDelay: () => 100 },
    })
    const waiting = []
    const send = (type, call) => waiting.push(new Promise((done, failed) => analytics[type](call, fault => fault ? failed(fault) : done())))
    return { send, end: () => Promise.all(waiting), alias: true, screen: true }
  },
  jitsu() {
    const { jitsuAnalytics } = require('@jitsu/js')
    const analytics = jitsuAnalytics({ host, writeKey: writeKey + ':secret', s2s: true })
    const { page, group } = analytics
    const waiting = []
    const send = (type, call) => waiting.push(
      type === 'identify' ? analytics.identify(call.userId, call.traits)
      : type === 'track' ? analytics.track(call.event, call.properties, { userId: call.userId })
      : type === 'page' ? page.call(analytics, { ...call.properties, name: call.name }, { userId: call.userId })
      : group.call(analytics, call.groupId, call.traits, { userId: call.userId }))
    return { send, end: () => Promise.all(waiting) }
  },
}

const client = clients[name]()
for (let round = 0; round < Number(rounds); round++) {
  const userId = `user-${round}`
  const send = (type, call) => {
    sent.push(`${type} ${userId} ${call.event ?? call.groupId ?? ''}`.trim())
    client.send(type, { userId, ...call })
  }
  send('identify', { traits: { email: `${userId}@example.com`, name: 'Zoë Ødegård', visits: round } })
  send('track', { event: 'Order Completed', properties: { revenue: 49.5, currency: 'NOK', products: [{ sku: 'A', price: 49.5 }] } })
  send('page', { name: 'Shoes', properties: { url: 'https://shop.example.com/shoes?size=42' } })
  send('group', { groupId: `club-${round}`, traits: { name: 'Club' } })
  if (client.screen) send('screen', { name: 'Basket' })
  if (client.alias) send('alias', { previousId: `old-${round}` })
  await pause(Number(wait))
}

await client.end()
console.log('sent ' + JSON.stringify(sent))
process.exit(0)
