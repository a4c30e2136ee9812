// Sends events from a server with Segment's client for Node.
//   npm install @segment/analytics-node
//   CDP=http://127.0.0.1:5080 WRITE_KEY=… node node.mjs
import { Analytics } from '@segment/analytics-node'

const { CDP = 'http://127.0.0.1:5080', WRITE_KEY } = process.env
if (!WRITE_KEY) {
  console.error('Set WRITE_KEY to the write key of a source; its page in the console shows it.')
  process.exit(2)
}

const analytics = new Analytics({ writeKey: WRITE_KEY, host: CDP })
analytics.on('error', error => {
  console.error('Not sent:', error.reason ?? error.code)
  process.exitCode = 1
})

analytics.identify({
  userId: 'node-1',
  traits: { email: 'ola.nordmann@mail.example', name: 'Ola Nordmann', city: 'Bergen' },
})
analytics.track({
  userId: 'node-1',
  event: 'Order Completed',
  properties: { orderId: 'N-1', revenue: 42.5, currency: 'GBP', products: 3 },
})

await analytics.closeAndFlush()
if (!process.exitCode) {
  console.log('Sent. Look for Ola Nordmann under People.')
}
