import type { RequestHandler } from 'express'
import type { Database } from '../database.ts'
import type { FaultSwitches } from '../faults.ts'

const SALES = `
  SELECT id, status, total_cents, created_at FROM orders
  ORDER BY created_at DESC
  LIMIT 2500`

interface Formats {
  readonly money: (cents: number) => string
  readonly day: (at: Date) => string
}

export function salesReportPage(database: Database, faults: FaultSwitches): RequestHandler {
  const once = { money: newMoneyFormat(), day: newDayFormat() }
  const healthy: Formats = {
    money: cents => once.money.format(cents / 100),
    day: at => once.day.format(at),
  }
  // A new format loads its locale each time. Two a page are nothing, three a row are half a second.
  const slow: Formats = {
    money: cents => newMoneyFormat().format(cents / 100),
    day: at => newDayFormat().format(at),
  }

  return async (_request, response) => {
    const { rows: sales } = await database.query(SALES)
    response.render('sales-report', { sales, ...(faults.isOn('slow-template') ? slow : healthy) })
  }
}

function newMoneyFormat(): Intl.NumberFormat {
  return new Intl.NumberFormat('nb-NO', { style: 'currency', currency: 'NOK' })
}

function newDayFormat(): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('nb-NO', { dateStyle: 'medium' })
}
