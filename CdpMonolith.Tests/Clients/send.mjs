// Sends what a shop's server would, with the real client library: node send.mjs HOST WRITE_KEY
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 10, flushInterval: 50 })
analytics.on('error', fault => { console.error(fault); process.exit(1) })
analytics.identify({
  userId: 'ann-1',
  traits: { email: 'ann@example.com', name: 'Ann' },
  context: { consent: { categoryPreferences: { newsletter: true } } },
})
analytics.track({ userId: 'ann-1', event: 'Order Completed', properties: { revenue: 49.5 } })
await analytics.closeAndFlush()
console.log('sent')
process.exit(0)
